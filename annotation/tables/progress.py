"""The table behind the chart of days."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from annotation.queries.progress import Day
from annotation.tables.months import make_month_filter
from annotation.tables.table import Column, Filter, Kind, Table

_COUNTS: dict[str, Callable[[Day], int]] = {
    "people": lambda day: day.num_by_people,
    "simulated": lambda day: day.num_by_programs,
    "decisions": lambda day: day.num_decisions,
}


def build_day_table(days: Sequence[Day]) -> Table[Day]:
    """The latest day first."""
    return Table(
        name="days",
        noun="day",
        rows=days,
        order="-day",
        page_size=10,
        columns=[
            Column("day", "Day", lambda day: day.day, Kind.DATE),
            Column("ratings", "Ratings by people", lambda day: day.num_by_people, Kind.NUMBER),
            Column("simulated", "Ratings by simulated raters", lambda day: day.num_by_programs, Kind.NUMBER),
            Column("decisions", "Decisions", lambda day: day.num_decisions, Kind.NUMBER),
        ],
        filters=[
            make_month_filter(days, lambda day: day.day),
            Filter(
                "with",
                "Days with",
                lambda rows, what: [day for day in rows if _COUNTS[what](day)],
                [
                    ("people", "ratings by people"),
                    ("simulated", "ratings by simulated raters"),
                    ("decisions", "decisions"),
                ],
            ),
        ],
    )
