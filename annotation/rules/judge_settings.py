"""What a judge's row says of how it works, by kind: what is stored as JSON, read back with its types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar


class BadOptions(ValueError):
    """A judge's row lacks a setting, or holds one of another type."""


@dataclass(frozen=True)
class RubricOptions:
    """`temperature` 0 takes the likeliest words."""

    rubric: str
    temperature: float
    max_new_tokens: int


@dataclass(frozen=True)
class RolloutOptions:
    """`is_search`: look for the first error by halving, instead of everywhere."""

    template: str
    num_rollouts: int
    is_search: bool
    temperature: float
    max_new_tokens: int


def read_rubric_options(stored: Mapping[str, Any]) -> RubricOptions:
    """Raises BadOptions."""
    return RubricOptions(
        rubric=_read(stored, "rubric", str),
        temperature=float(_read(stored, "temperature", float)),
        max_new_tokens=_read(stored, "max_new_tokens", int),
    )


def read_rollout_options(stored: Mapping[str, Any]) -> RolloutOptions:
    """Raises BadOptions."""
    return RolloutOptions(
        template=_read(stored, "template", str),
        num_rollouts=_read(stored, "num_rollouts", int),
        is_search=_read(stored, "is_search", bool),
        temperature=float(_read(stored, "temperature", float)),
        max_new_tokens=_read(stored, "max_new_tokens", int),
    )


Kind = TypeVar("Kind")


def _read(stored: Mapping[str, Any], name: str, kind: type[Kind]) -> Kind:
    value = stored.get(name)
    if kind is float and isinstance(value, int):
        value = float(value)
    if not isinstance(value, kind):
        raise BadOptions(f"The judge's setting “{name}” is missing or no {kind.__name__}.")
    return value
