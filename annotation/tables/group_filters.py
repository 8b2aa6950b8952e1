"""How tables of groups narrow: by a word in a name, and by what the groups have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from annotation.tables.table import Filter

Row = TypeVar("Row")


class Grouped(Protocol):
    """A row that says of which sort its group is."""

    @property
    def by(self) -> str: ...


G = TypeVar("G", bound=Grouped)


def find_by_words(title: str, words_of: Callable[[Row], str]) -> Filter[Row]:
    """Rows with the text somewhere in their words, in capitals or not."""

    def find(rows: Sequence[Row], text: str) -> list[Row]:
        return [row for row in rows if text.casefold() in words_of(row).casefold()]

    return Filter("find", title, find)


def filter_by_sort(rows: Sequence[G]) -> Filter[G]:
    """Groups of one sort, of those that there are."""
    return Filter(
        "by",
        "By",
        lambda found, wanted: [row for row in found if row.by == wanted],
        [(by, by) for by in dict.fromkeys(row.by for row in rows)],
    )
