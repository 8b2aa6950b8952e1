"""One page of a table, ready for its template (templates/components/table.html).

At most MOST_ROWS rows are counted and paged through: the count and the deepest page then cost the same in a project
of ten million traces as in one of ten thousand. Whoever wants more filters, or takes the CSV, which has no limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from annotation.tables.state import TableState, read_state
from annotation.tables.table import Column, Kind, Table, Value, sort_rows

MOST_ROWS = 10_000


@dataclass(frozen=True)
class Header:
    """A column's head. `direction`: "ascending", "descending" or "" (not sorted by it); url "" where not sortable."""

    title: str
    is_number: bool
    url: str
    direction: str


@dataclass(frozen=True)
class Cell:
    """One cell: a template draws it from the row, or its value shows as its kind does, with its interval if any."""

    kind: Kind
    value: Value
    low: float | None
    high: float | None
    link: str
    template: str
    is_number: bool


@dataclass(frozen=True)
class Line:
    """One row of the table with its cells."""

    row: Any
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class FilterField:
    """A filter's control: its name in the address, its words, what it says now."""

    name: str
    title: str
    value: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class TablePage:
    """What the template shows. `num_rows` is at most MOST_ROWS; `has_more` says that there are more than that.
    `is_as_at_first`: filtered by nothing but the filters' defaults, so `empty` says why there are no rows."""

    name: str
    noun: str
    plural: str
    empty: str
    empty_template: str
    path: str
    headers: tuple[Header, ...]
    lines: tuple[Line, ...]
    filters: tuple[FilterField, ...]
    is_filtered: bool
    is_as_at_first: bool
    sort_name: str
    sort: str
    num_rows: int
    has_more: bool
    first: int
    last: int
    number: int
    num_pages: int
    previous_url: str
    next_url: str
    csv_url: str
    clear_url: str
    kept: tuple[tuple[str, str], ...]


def filter_and_sort(table: Table[Any], state: TableState) -> QuerySet[Any] | Sequence[Any]:
    """All rows that the state asks for, in its order."""
    rows = table.rows
    for wanted in table.filters:
        if wanted.key in state.chosen:
            rows = wanted.apply(rows, state.chosen[wanted.key])
    sorted_rows: QuerySet[Any] | Sequence[Any] = sort_rows(table, rows, state.order)
    return sorted_rows


def show_page(table: Table[Any], query: QueryDict, *, path: str) -> TablePage:
    """The page that an address asks for; the last one where it asks for too late a page."""
    state = read_state(table, query, path=path)
    rows = filter_and_sort(table, state)
    num_found = _count(rows)
    num_rows = min(num_found, MOST_ROWS)
    num_pages = max(1, -(-num_rows // table.page_size))
    number = min(state.page, num_pages)
    start = (number - 1) * table.page_size
    columns = [column for column in table.columns if column.on_page]
    lines = tuple(_show_line(row, columns) for row in rows[start : min(start + table.page_size, num_rows)])
    return TablePage(
        name=table.name,
        noun=table.noun,
        plural=table.plural,
        empty=table.empty,
        empty_template=table.empty_template,
        path=path,
        headers=tuple(_show_header(column, state) for column in columns),
        lines=lines,
        filters=tuple(
            FilterField(
                f"{table.prefix}{item.key}", item.title, state.chosen.get(item.key, ""), item.options or ()
            )
            for item in table.filters
            if item.options is None or item.options
        ),
        is_filtered=bool(state.chosen),
        is_as_at_first=state.chosen == state.defaults,
        sort_name=f"{table.prefix}sort",
        sort=state.order if state.order != table.order else "",
        num_rows=num_rows,
        has_more=num_found > MOST_ROWS,
        first=start + 1,
        last=start + len(lines),
        number=number,
        num_pages=num_pages,
        previous_url=state.link(page=str(number - 1)) if number > 1 else "",
        next_url=state.link(page=str(number + 1)) if number < num_pages else "",
        csv_url=state.link(csv=table.name),
        clear_url=state.link_without_filters(),
        kept=_list_kept(table, query),
    )


def _count(rows: QuerySet[Any] | Sequence[Any]) -> int:
    if isinstance(rows, QuerySet):
        return rows.order_by()[: MOST_ROWS + 1].count()
    return len(rows)


def _show_header(column: Column[Any], state: TableState) -> Header:
    is_sorted = state.order.removeprefix("-") == column.key
    is_down = state.order.startswith("-")
    goes_down = not is_down if is_sorted else column.starts_high
    return Header(
        title=column.title,
        is_number=column.is_number,
        url=state.link(sort=f"{'-' if goes_down else ''}{column.key}") if column.is_sortable else "",
        direction=("descending" if is_down else "ascending") if is_sorted else "",
    )


def _show_line(row: Any, columns: Sequence[Column[Any]]) -> Line:
    return Line(row, tuple(_show_cell(row, column) for column in columns))


def _show_cell(row: Any, column: Column[Any]) -> Cell:
    low, high = column.interval(row) if column.interval else (None, None)
    return Cell(
        kind=column.kind,
        value=column.value(row),
        low=low,
        high=high,
        link=column.link(row) if column.link else "",
        template=column.template,
        is_number=column.is_number,
    )


def _list_kept(table: Table[Any], query: QueryDict) -> tuple[tuple[str, str], ...]:
    """Parameters of other tables, which the filter form sends along."""
    own = {f"{table.prefix}{item.key}" for item in table.filters}
    own |= {f"{table.prefix}sort", f"{table.prefix}page", "csv"}
    return tuple((name, value) for name, values in query.lists() if name not in own for value in values)
