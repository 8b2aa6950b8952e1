"""A layout: what the columns of a source mean, and how a row of it becomes an item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.importing.items import Item

Values = Mapping[str, Any]
Mapped = Mapping[str, str]
"""Field → column."""


@dataclass(frozen=True)
class Field:
    """One thing that a column can be. `guesses` are names of columns that most likely are it, the likeliest first."""

    name: str
    label: str
    is_needed: bool = False
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """`read` makes the item of a row, or raises BadRow. A layout with `fields` is mapped by a person, field to column;
    one without knows its `columns`, and a source that has them all is most likely of this layout."""

    key: str
    title: str
    description: str
    read: Callable[[Values, Mapped], Item]
    fields: tuple[Field, ...] = ()
    columns: tuple[str, ...] = ()
    has_traces: bool = False
    has_labels: bool = False
