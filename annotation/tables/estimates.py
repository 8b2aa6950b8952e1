"""Columns of an estimate: its value with its interval on the page, and in CSV both ends of the interval beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from annotation.measuring.resampling import Estimate
from annotation.tables.table import Column, Kind

Row = TypeVar("Row")


def list_estimate_columns(
    key: str, title: str, find: Callable[[Row], Estimate | None], kind: Kind = Kind.SHARE
) -> Iterator[Column[Row]]:
    """Three columns, of which the page shows one. find: the row's estimate, None where it has none of this kind."""

    def read_ends(row: Row) -> tuple[float | None, float | None]:
        found = find(row)
        return (found.low, found.high) if found else (None, None)

    yield Column(key, title, lambda row: e.value if (e := find(row)) else None, kind, interval=read_ends)
    yield Column(f"{key}_low", f"{title}, low", lambda row: read_ends(row)[0], kind, on_page=False)
    yield Column(f"{key}_high", f"{title}, high", lambda row: read_ends(row)[1], kind, on_page=False)
