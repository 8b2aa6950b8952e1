"""What a table is: its rows, its columns, its filters. A description; nothing here reads a request.

Rows are a QuerySet, which whoever builds the table has narrowed to what the person may see, or a sequence of plain
rows for what no query can answer. Both sort, filter, page and export in the same way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django.db.models import F, QuerySet

Row = TypeVar("Row")
Value = str | int | float | bool | dt.datetime | dt.date | None


class Kind(StrEnum):
    """How a value shows. In CSV every kind is its plain value."""

    TEXT = "text"
    EXCERPT = "excerpt"  # the beginning of what a model or a person wrote
    NUMBER = "number"
    DECIMAL = "decimal"  # two digits
    SHARE = "share"  # 0 to 1, shown in per cent
    SECONDS = "seconds"  # shown as "2 min 5 s"
    TIME = "time"
    DATE = "date"


_STARTS_HIGH = frozenset({Kind.NUMBER, Kind.DECIMAL, Kind.SHARE, Kind.SECONDS, Kind.TIME, Kind.DATE})


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column. `value` is what CSV holds and, without a `template`, what the page shows.

    interval: the ends of the value's 95 % interval, which the page shows beside it. key: its name in the address and in
    CSV. sort: the field or annotation that a QuerySet is ordered by, `key` where
    empty. link: where the cell leads. template: draws the cell from `row`. is_nullable: none sorts last either way.
    starts_high: whether the first click sorts downwards; numbers and times do. on_page: False for CSV only; in_csv:
    False for buttons.
    """

    key: str
    title: str
    value: Callable[[Row], Value]
    kind: Kind = Kind.TEXT
    sort: str = ""
    is_sortable: bool = True
    is_nullable: bool = False
    link: Callable[[Row], str] | None = None
    template: str = ""
    interval: Callable[[Row], tuple[float | None, float | None]] | None = None
    on_page: bool = True
    in_csv: bool = True

    @property
    def starts_high(self) -> bool:
        return self.kind in _STARTS_HIGH

    @property
    def is_number(self) -> bool:
        return self.kind in _STARTS_HIGH - {Kind.TIME, Kind.DATE}


@dataclass(frozen=True)
class Filter(Generic[Row]):
    """Narrows the rows. Without options it is a search field; with them, one of (value, words) is chosen, or there is
    nothing to choose from and no filter.

    apply: gets the rows and a value that is one of the options, or a text of at most 200 characters; never "".
    default: one of the options, chosen while the address doesn't name the filter; where it names it with nothing, all
    rows are wanted.
    """

    key: str
    title: str
    apply: Callable[[Any, str], QuerySet[Any] | Sequence[Row]]
    options: Sequence[tuple[str, str]] | None = None
    default: str = ""


@dataclass(frozen=True)
class Table(Generic[Row]):
    """A list. `order` is the key of the column it is sorted by at first, with "-" for downwards.

    name: its name in the page, in the address of its CSV and in the file's name. noun: what one row is called.
    empty, empty_template: what stands where there are no rows at all: a sentence, or more than one.
    prefix: keeps two tables of one page apart in the address.
    """

    name: str
    noun: str
    rows: QuerySet[Any] | Sequence[Row]
    columns: Sequence[Column[Row]]
    order: str
    filters: Sequence[Filter[Row]] = ()
    empty: str = "Nothing here yet."
    empty_template: str = ""
    nouns: str = ""
    page_size: int = 50
    prefix: str = ""

    @property
    def plural(self) -> str:
        return self.nouns or f"{self.noun}s"

    def find_column(self, key: str) -> Column[Row] | None:
        """The sortable column of this name."""
        return next((column for column in self.columns if column.key == key and column.is_sortable), None)


def sort_rows(table: Table[Row], rows: QuerySet[Any] | Sequence[Row], order: str) -> Any:
    """Rows by a column's key, "-" for downwards. Ties by primary key, or in the order they had; none comes last."""
    column = table.find_column(order.removeprefix("-"))
    if column is None:
        return rows
    is_down = order.startswith("-")
    if not isinstance(rows, QuerySet):
        return _sort_in_memory(rows, column, is_down)
    field = F(column.sort or column.key)
    last = True if column.is_nullable else None  # NULLS LAST would keep an index from being used
    by = field.desc(nulls_last=last) if is_down else field.asc(nulls_last=last)
    return rows.order_by(by, "-pk" if is_down else "pk")


def _sort_in_memory(rows: Sequence[Row], column: Column[Row], is_down: bool) -> list[Row]:
    known = [row for row in rows if column.value(row) is not None]
    known.sort(key=lambda row: _sortable(column.value(row)), reverse=is_down)
    return [*known, *(row for row in rows if column.value(row) is None)]


def _sortable(value: Value) -> Any:
    return value.casefold() if isinstance(value, str) else value
