"""The known layouts, which of them a source most likely has, and the reading of one row."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from annotation.importing import mapped_layouts, presets, step_labels
from annotation.importing.items import Item
from annotation.importing.layout import Layout, Mapped, Values
from annotation.importing.rows import BadRow, Row, look_inside

LAYOUTS: dict[str, Layout] = {
    layout.key: layout
    for layout in (
        mapped_layouts.PROMPTS,
        mapped_layouts.COMPLETIONS,
        mapped_layouts.MESSAGES,
        mapped_layouts.STEPS,
        mapped_layouts.RATED_STEPS,
        presets.GSM8K,
        presets.MATH,
        presets.ARC,
        presets.MMLU,
        presets.HUMAN_EVAL,
        step_labels.PRM800K,
        step_labels.MATH_SHEPHERD,
    )
}


_MAPPED = ("steps", "rated_steps", "completions", "messages")  # the likelier first


class BadMapping(Exception):
    """The columns chosen don't fit the layout or the source; the message is a sentence for the form."""


def guess_layout(columns: Sequence[str], sample: Sequence[Row] = ()) -> Layout:
    """The layout that the columns look like, and as which most of the sample can be read; else plain prompts."""
    for layout in sorted(LAYOUTS.values(), key=lambda layout: -len(layout.columns)):
        has_columns = bool(layout.columns) and set(layout.columns) <= set(columns)
        if has_columns and 2 * _count_readable(layout, sample, {}) > len(sample):
            return layout
    mapped = {key: guess_mapping(LAYOUTS[key], columns) for key in _MAPPED}
    fitting = [
        LAYOUTS[key]
        for key in _MAPPED
        if all(field.name in mapped[key] for field in LAYOUTS[key].fields if field.is_needed)
    ]
    # The first of those that read the most: only ratings can hold a −1, so one −1 anywhere tells them from right/wrong.
    best = max(fitting, key=lambda layout: _count_readable(layout, sample, mapped[layout.key]), default=None)
    return best or LAYOUTS["prompts"]


def guess_mapping(layout: Layout, columns: Sequence[str]) -> dict[str, str]:
    """Field → column, by the columns' names; no column is taken twice."""
    by_name = {column.lower(): column for column in reversed(columns)}
    mapped: dict[str, str] = {}
    for field in layout.fields:
        found = (by_name[guess] for guess in field.guesses if guess in by_name)
        free = [column for column in found if column not in mapped.values()]
        if free:
            mapped[field.name] = free[0]
    if "labels" in mapped:
        mapped.pop("first_error", None)
    return mapped


def check_mapping(layout: Layout, mapped: Mapped, columns: Sequence[str]) -> None:
    """Raises BadMapping where a needed field has no column, or a column is none of the source's."""
    for field in layout.fields:
        column = mapped.get(field.name, "")
        if field.is_needed and not column:
            raise BadMapping(f"Say which column is the {field.label.lower()}.")
        if column and column not in columns:
            raise BadMapping(f"The source has no column “{column[:80]}”.")
    missing = [column for column in layout.columns if column not in columns]
    if missing:
        raise BadMapping(f"{layout.title} has a column “{missing[0]}”, and this source has none.")


def read_item(row: Row, layout: Layout, mapped: Mapped) -> Item:
    """The row as an item. Raises BadRow, also for what no layout foresaw: a number in place of a list, say."""
    if row.fault:
        raise BadRow(row.fault)
    try:
        return layout.read(_with_fields(row.values, mapped), mapped)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise BadRow(f"the row is not laid out as “{layout.title}” says.") from error


def _with_fields(values: Values, mapped: Mapped) -> Values:
    """The row's values, and beside them those of the fields inside objects that were chosen as columns."""
    inner: dict[str, Any] = {}
    for name in mapped.values():
        if name not in values:
            with suppress(KeyError):
                inner[name] = look_inside(values, name)
    return {**values, **inner} if inner else values


def _count_readable(layout: Layout, sample: Sequence[Row], mapped: Mapped) -> int:
    num_readable = 0
    for row in sample:
        with suppress(BadRow):
            read_item(row, layout, mapped)
            num_readable += 1
    return num_readable
