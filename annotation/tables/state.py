"""What a table's address says: how it is sorted, filtered and paged. What is not valid there is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict

from annotation.tables.table import Filter, Table

_LONGEST_TEXT = 200
_LONGEST_NUMBER = 9


@dataclass(frozen=True)
class TableState:
    """`chosen`: the valid filters, by key; `defaults`: those chosen while the address names none. `kept`: every
    parameter of the address, other tables' included."""

    prefix: str
    path: str
    order: str
    page: int
    chosen: Mapping[str, str]
    defaults: Mapping[str, str]
    kept: QueryDict = field(repr=False)

    def link(self, **changes: str) -> str:
        """The address with these parameters of the table changed ("" takes one away, and of a filter with a default
        says that none is wanted); it starts on page 1 again."""
        query = self.kept.copy()
        for name in ("csv", f"{self.prefix}page"):
            query.pop(name, None)
        for name, value in changes.items():
            key = name if name == "csv" else f"{self.prefix}{name}"
            query.pop(key, None)
            if value or name in self.defaults:
                query[key] = value
        return f"{self.path}?{query.urlencode()}" if query else self.path

    def link_without_filters(self) -> str:
        return self.link(**dict.fromkeys([*self.chosen, *self.defaults], ""))


def read_state(table: Table[object], query: QueryDict, *, path: str) -> TableState:
    """The state that an address asks for."""
    order = query.get(f"{table.prefix}sort", "")
    is_known = table.find_column(order.removeprefix("-")) is not None
    chosen = {item.key: value for item in table.filters if (value := _read_filter(table, item, query))}
    return TableState(
        prefix=table.prefix,
        path=path,
        order=order if is_known else table.order,
        page=_read_page(query.get(f"{table.prefix}page", "")),
        chosen=chosen,
        defaults={item.key: item.default for item in table.filters if item.default},
        kept=query,
    )


def _read_filter(table: Table[object], wanted: Filter[object], query: QueryDict) -> str:
    text = (
        query.get(f"{table.prefix}{wanted.key}", wanted.default).replace("\x00", "").strip()[:_LONGEST_TEXT]
    )
    if wanted.options is None:
        return text
    return text if text in {value for value, _ in wanted.options} else ""


def _read_page(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return max(1, int(text)) if is_number else 1
