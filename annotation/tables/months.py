"""A filter by month, of the months that there are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TypeVar

from annotation.tables.table import Filter

Row = TypeVar("Row")


def make_month_filter(rows: Sequence[Row], date_of: Callable[[Row], dt.date]) -> Filter[Row]:
    """The latest month first. A date may be a time, which is in UTC."""
    months = sorted({date_of(row).strftime("%Y-%m") for row in rows}, reverse=True)
    return Filter(
        "month",
        "Month",
        lambda found, month: [row for row in found if date_of(row).strftime("%Y-%m") == month],
        [(month, f"{dt.date.fromisoformat(f'{month}-01'):%B %Y}") for month in months],
    )
