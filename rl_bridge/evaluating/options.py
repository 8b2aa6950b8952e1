"""The options of `evaluate`, on the command line and in YAML, and their reading into settings. Loads no torch."""

import argparse
import datetime
import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rl_bridge import runs
from rl_bridge.evaluating.settings import BadEvaluation, Evaluation, read_names
from rl_bridge.shipped import find_models_dir
from rl_bridge.training.options import read_file

_MODELS = {
    "policy": ("policies", "NAME=MODEL; others are held against the first"),
    "prm": ("prms", "NAME=FOLDER of a process reward model"),
    "reward-model": ("reward_models", "NAME=FOLDER of a reward model"),
}
_OPTIONS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "export": ("export", Path, "folder of the export: prompts and labelled steps"),
    "split": ("split", str, "the split that is measured on"),
    "output": ("output", Path, "run folder (default: runs/evaluate-<time>)"),
    "traces": (
        "traces",
        Path,
        "JSONL in ProcessBench's layout: problem, steps, label; scores are measured too",
    ),
    "models-dir": ("models_dir", Path, "where converted models are"),
    "samples": ("num_samples", int, "completions of each prompt"),
    "temperature": ("temperature", float, "of drawing; 0 takes the likeliest token"),
    "top-p": ("top_p", float, "share of the likeliest tokens that are drawn from"),
    "max-new-tokens": ("max_new_tokens", int, "of a completion"),
    "limit-prompts": ("limit_prompts", int, "ask the first so many; 0 asks all"),
    "threshold": ("threshold", float, "a step under it is bad"),
    "seed": ("seed", int, "of drawing"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """One option a field of `Evaluation`; models come as NAME=LOCATION, and each may be given several times.

    What isn't given stays out of the parsed arguments, so that a file can say it.
    """
    parser.add_argument(
        "--config", type=Path, help="YAML file of these options; those given here win over it"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, print the plan, open no model"
    )
    for option, (field, words) in _MODELS.items():
        parser.add_argument(f"--{option}", dest=field, action="append", default=argparse.SUPPRESS, help=words)
    for option, (field, kind, words) in _OPTIONS.items():
        default = getattr(Evaluation, field, None)
        if default is not None and option != "models-dir":
            words += f" (default: {default})"
        parser.add_argument(f"--{option}", dest=field, type=kind, default=argparse.SUPPRESS, help=words)


def read_settings(parsed: argparse.Namespace) -> Evaluation:
    """The options given over those of the file. Raises `BadEvaluation`, and `BadTrainingSetting` for no YAML."""
    fields = {field for field, *_ in (*_MODELS.values(), *_OPTIONS.values())}
    given = {field: value for field, value in vars(parsed).items() if field in fields}
    for field, _ in _MODELS.values():
        if field in given:
            given[field] = read_names(given[field])
    defaults = {
        "output": runs.name_run("evaluate", datetime.datetime.now().astimezone()),
        "models_dir": find_models_dir(os.environ),
    }
    told = _read_config(parsed.config) if parsed.config else {}
    return Evaluation(**{**defaults, **told, **given})


def _read_config(file: Path) -> dict[str, Any]:
    """The file's options by field."""
    read: dict[str, Any] = {}
    for name, value in read_file(file).items():
        option = name.replace("_", "-")
        if option in _MODELS:
            read[_MODELS[option][0]] = _read_models(option, value)
        elif option in _OPTIONS:
            field, kind, _ = _OPTIONS[option]
            read[field] = _read_value(option, kind, value)
        else:
            near = difflib.get_close_matches(option, [*_MODELS, *_OPTIONS], n=1)
            hint = f"; do you mean {near[0]}?" if near else "."
            raise BadEvaluation(f"evaluate has no setting {option}{hint}")
    return read


def _read_models(option: str, value: object) -> dict[str, str]:
    """One NAME=LOCATION, a list of them, or a mapping of names to locations."""
    if isinstance(value, dict):
        value = [f"{name}={location}" for name, location in value.items()]
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadEvaluation(f"{option} must be NAME=LOCATION, a list of such or a mapping, not {value!r}.")
    return read_names(words)


def _read_value(option: str, kind: Callable[[str], Any], value: object) -> Any:
    refusal = BadEvaluation(f"{option} can't be {value!r}.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refusal
    try:
        return kind(str(value))
    except ValueError as error:
        raise refusal from error
