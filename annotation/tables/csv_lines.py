"""A table as CSV, line by line, so that a million rows never stand in memory together.

A spreadsheet takes a cell that begins with "=", "+", "-" or "@" for a formula, and models and strangers write cells.
Such a text gets an apostrophe in front (OWASP, "CSV Injection"); numbers stay numbers.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from annotation.tables.page import filter_and_sort
from annotation.tables.state import read_state
from annotation.tables.table import Column, Table, Value

_ROWS_AT_ONCE = 1000
_BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets take UTF-8 for something else
_FORMULA_STARTS = "=+-@＝＋－＠"
_CONTROL_STARTS = "\t\r\n"


class _Line:
    """What csv writes to: hands each line on."""

    def write(self, line: str) -> str:
        return line


def stream_csv(table: Table[Any], query: QueryDict, *, path: str) -> Iterator[str]:
    """The header, then every row that the address's filters let through, in its order; pages don't matter."""
    writer = csv.writer(_Line())
    columns = [column for column in table.columns if column.in_csv]
    yield _BYTE_ORDER_MARK + writer.writerow([column.key for column in columns])
    for row in _walk(filter_and_sort(table, read_state(table, query, path=path))):
        yield writer.writerow(_list_cells(row, columns))


def write_value(value: Value) -> str | int | float:
    """A value as a cell: none is empty, times are ISO 8601, what looks like a formula is text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, str):
        is_formula = value.lstrip()[:1] in tuple(_FORMULA_STARTS) or value[:1] in tuple(_CONTROL_STARTS)
        return f"'{value}" if is_formula else value
    return value


def _list_cells(row: Any, columns: Sequence[Column[Any]]) -> list[str | int | float]:
    return [write_value(column.value(row)) for column in columns]


def _walk(rows: QuerySet[Any] | Sequence[Any]) -> Iterable[Any]:
    return rows.iterator(chunk_size=_ROWS_AT_ONCE) if isinstance(rows, QuerySet) else rows
