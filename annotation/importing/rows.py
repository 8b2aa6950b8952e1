"""What every source is read as: a stream of rows, each with its number, so that a refusal can say which."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

LONGEST_RAW = 20_000
"""Characters of a refused row that are kept for its download."""
_MOST_FIELDS = 50


class SourceUnreadable(Exception):
    """Nothing can be read from here on; the message is a sentence for the person who brought the source."""


class BadRow(Exception):
    """One row that can't be taken; the message is a sentence. The others go on."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts from 1: the line in a JSONL or CSV file, the row in a table.

    `fault` is why it could not be read, and then there are no values; `raw` is what stood there.
    """

    number: int
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    raw: str = ""

    def as_text(self) -> str:
        """The row as a person may want it back: as it stood, or its values as JSON; shortened where endless."""
        text = self.raw or json.dumps(self.values, ensure_ascii=False, default=str)
        return text[:LONGEST_RAW]


def list_columns(columns: Sequence[str], sample: Sequence[Row]) -> list[str]:
    """What can be chosen as a column: each column, and behind it the fields of the objects that the sample has there,
    as “outer.inner”; a column of that very name comes first, and objects of too many fields are none of a layout's."""
    found: dict[str, None] = {}
    for column in columns:
        found[column] = None
        inner: dict[str, None] = {}
        for row in sample:
            if isinstance(value := row.values.get(column), Mapping):
                inner |= dict.fromkeys(list_columns([str(name) for name in value], [Row(0, value)]))
        if len(inner) <= _MOST_FIELDS:
            found |= dict.fromkeys(f"{column}.{name}" for name in inner)
    return list(found)


def look_inside(values: Mapping[str, Any], name: str) -> Any:
    """The value of a column, or of a field in it: “outer.inner”. Raises KeyError where there is none."""
    if name in values:
        return values[name]
    for outer, inner in values.items():
        if isinstance(inner, Mapping) and name.startswith(f"{outer}."):
            with suppress(KeyError):
                return look_inside(inner, name[len(outer) + 1 :])
    raise KeyError(name)


def make_sample(row: Row, *, longest: int = 2_000) -> dict[str, Any]:
    """The values as JSON can hold them in the database, long texts cut: what a preview shows."""
    return {clean_text(name): _shorten(value, longest) for name, value in row.values.items()}


def read_sample(stored: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The first rows of a source as the database keeps them."""
    return [Row(row["number"], row["values"], row["fault"]) for row in stored]


def clean_text(text: str) -> str:
    """The text without what PostgreSQL can't store: NUL, and halves of surrogate pairs."""
    return "".join(letter for letter in text if letter != "\x00" and not "\ud800" <= letter <= "\udfff")


def _shorten(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return clean_text(value[:longest])
    if isinstance(value, Mapping):
        return {clean_text(str(name)): _shorten(inner, longest) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shorten(inner, longest) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # no JSON can say it
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean_text(str(value)[:longest])
