"""Frozen reports to JSON and back, so that a report can be stored in a row and read as what it was."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Report = TypeVar("Report")


def dump(report: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values; tuples become lists when they are written."""
    return asdict(report)


def load(kind: type[Report], stored: Mapping[str, Any]) -> Report:
    """What `dump` made of a report of this kind. Raises KeyError or TypeError for anything else."""
    return cast(Report, _load(kind, stored))


@cache
def _find_hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _load(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (inner,) = [option for option in get_args(kind) if option is not type(None)]
        return None if value is None else _load(inner, value)
    if origin is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_load(inner[0], item) for item in value)
        return tuple(_load(of, item) for of, item in zip(inner, value, strict=True))
    if is_dataclass(kind):
        hints = _find_hints(cast(Any, kind))
        return cast(Any, kind)(**{f.name: _load(hints[f.name], value[f.name]) for f in fields(kind)})
    return value
