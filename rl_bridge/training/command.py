"""The `train` branch of the command line: settings, plan, and the trainer of that name."""

import argparse
import datetime
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from rl_bridge import runs
from rl_bridge.shipped import find_models_dir
from rl_bridge.training.kinds import KINDS
from rl_bridge.training.options import add_options, build_settings, read_settings
from rl_bridge.training.plan import Plan, describe_plan, make_plan, reopen_settings
from rl_bridge.training.settings import BadTrainingSetting, TrainingSettings


def add_train(parser: argparse.ArgumentParser) -> None:
    """Give `train` a branch for each kind."""
    kinds = parser.add_subparsers(required=True, metavar="kind")
    for kind, settings in KINDS.items():
        words = (settings.__doc__ or "").partition("\n")[0]
        branch = kinds.add_parser(kind, help=words, description=words)
        branch.add_argument("--config", type=Path, help="YAML file of settings; options win over it")
        branch.add_argument(
            "--resume", type=Path, metavar="RUN", help="go on with an interrupted run, as it began"
        )
        branch.add_argument(
            "--dry-run", action="store_true", help="check the data, print the plan, train nothing"
        )
        add_options(branch, settings)
        branch.set_defaults(run=run_training, settings=settings)


def run_training(parsed: argparse.Namespace) -> None:
    """Train as the command line says, or print the plan."""
    plan = read_plan(parsed)
    settings = plan.settings
    if parsed.dry_run:
        print(json.dumps(describe_plan(plan), indent=2))
        return
    say = print if runs.is_first_process() else _say_nothing
    rows = f"{plan.rows.table.num_rows} rows of {plan.export.title}"
    say(f"Training {settings.kind} on {rows}, {plan.steps} steps, into {settings.output}.", flush=True)
    summary = train(plan)
    for warning in summary.warnings:
        say(f"Note: {warning}", file=sys.stderr)
    for name, value in sorted(summary.metrics.items()):
        say(f"{name:>28} {value:.4g}")
    say(f"Wrote {summary.folder}; the model lies in {summary.folder / runs.MODEL_FOLDER}.")


def train(plan: Plan[TrainingSettings]) -> runs.RunSummary:
    """Train by the trainer of the plan's kind. Loads torch; raises what the trainer does."""
    trainer: Any = importlib.import_module(f"rl_bridge.training.{plan.settings.kind}")
    summary: runs.RunSummary = trainer.train(plan)
    return summary


def read_plan(parsed: argparse.Namespace) -> Plan[TrainingSettings]:
    """The plan of the parsed arguments. Raises `BadTrainingSetting` and what `make_plan` raises."""
    settings: type[TrainingSettings] = parsed.settings
    apart = ("run", "settings", "config", "resume", "dry_run")
    given = {name: value for name, value in vars(parsed).items() if name not in apart}
    if parsed.resume:
        if given or parsed.config:
            raise BadTrainingSetting("A resumed run keeps its settings: give --resume alone.")
        return make_plan(build_settings(settings, reopen_settings(KINDS, parsed.resume)), resumes=True)
    if runs.count_processes() > 1 and "output" not in given and not parsed.config:
        raise BadTrainingSetting("Several processes must agree on the run folder: name it with --output.")
    now = datetime.datetime.now().astimezone()
    defaults = {"output": runs.name_run(settings.kind, now), "models_dir": find_models_dir(os.environ)}
    return make_plan(read_settings(settings, given, parsed.config, **defaults))


def _say_nothing(*_words: object, **_how: object) -> None:
    """What the processes after the first say."""
