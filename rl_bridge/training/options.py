"""Settings from the command line and from YAML: each field is an option, and an option wins over the file. No torch."""

import argparse
import dataclasses
import difflib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from rl_bridge.training.settings import BadTrainingSetting, TrainingSettings, name_option

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)


def add_options(parser: argparse.ArgumentParser, settings: type[TrainingSettings]) -> None:
    """One option a field. What isn't given stays out of the parsed arguments, so that a file can say it."""
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        kind, _ = _strip_none(hints[field.name])
        words = field.metadata["help"]
        if field.default not in (dataclasses.MISSING, None):
            words += f" (default: {field.default})"
        how: dict[str, Any] = {"help": words.replace("%", "%%"), "default": argparse.SUPPRESS}
        if kind is bool:
            how["action"] = argparse.BooleanOptionalAction
        elif get_origin(kind) is Literal:
            how["choices"] = get_args(kind)
        else:
            how["type"] = kind
        parser.add_argument(f"--{name_option(field.name)}", **how)


def read_settings(
    settings: type[SettingsT], given: Mapping[str, Any], file: Path | None, **defaults: Any
) -> SettingsT:
    """Settings of `given` (by field name) over those of the YAML `file` over `defaults`.

    The length of a run given as options replaces the file's, be it in steps or in epochs. Raises `BadTrainingSetting`.
    """
    _refuse_two_lengths(given, "on the command line")
    told = read_file(file) if file else {}
    if "kind" not in told:  # a run's own configuration names every setting
        _refuse_two_lengths(told, f"in {file}")
    if _LENGTHS & given.keys():
        told = {name: value for name, value in told.items() if name not in _LENGTHS}
    return build_settings(settings, {**defaults, **told, **given})


_LENGTHS = {"max_steps", "epochs"}
"""Two ways to say how long a run is: who gives one replaces the other."""


def _refuse_two_lengths(values: Mapping[str, Any], where: str) -> None:
    if all(values.get(name) is not None for name in _LENGTHS):
        raise BadTrainingSetting(f"max-steps and epochs both stand {where}: a run has one length; give one.")


def build_settings(settings: type[SettingsT], values: Mapping[str, Any]) -> SettingsT:
    """Settings of values by field name, as a person or a file writes them. Raises `BadTrainingSetting`."""
    values = dict(values)
    kind = values.pop("kind", settings.kind)
    if kind != settings.kind:
        raise BadTrainingSetting(f"These are settings for {kind}, and this is train {settings.kind}.")
    hints = get_type_hints(settings)
    fields = {field.name: field for field in dataclasses.fields(settings)}
    for name in values:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"; do you mean {name_option(near[0])}?" if near else "."
            raise BadTrainingSetting(f"train {settings.kind} has no setting {name_option(str(name))}{hint}")
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in values:
            option = name_option(name)
            raise BadTrainingSetting(
                f"{option} is missing: give --{option}, or name it in the --config file."
            )
    return settings(**{name: _read_value(name, hints[name], value) for name, value in values.items()})


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a YAML file: a flat mapping. Raises `BadTrainingSetting`."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadTrainingSetting(f"The settings file {path} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadTrainingSetting(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise BadTrainingSetting(f"{path} holds no settings: it must be lines of `name: value`.")
    return {str(name).replace("-", "_"): value for name, value in content.items()}


def _read_value(name: str, hint: Any, value: Any) -> Any:
    kind, may_be_none = _strip_none(hint)
    if value is None and may_be_none:
        return None
    refusal = BadTrainingSetting(f"{name_option(name)} must be {_spell(kind)}, not {value!r}.")
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise refusal
        return value
    if kind is bool or isinstance(value, bool):
        if not (kind is bool and isinstance(value, bool)):
            raise refusal
        return value
    if not isinstance(value, str | int | float | Path) or (kind is int and isinstance(value, float)):
        raise refusal
    try:
        return kind(value)  # YAML 1.1 takes 1e-4 for a text
    except (TypeError, ValueError) as error:
        raise refusal from error


def _strip_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        (kind,) = (part for part in get_args(hint) if part is not type(None))
        return kind, True
    return hint, False


def _spell(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}[
        kind
    ]
