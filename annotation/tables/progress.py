"""The table behind the chart of days."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.queries.progress import Day
from annotation.tables.table import Column, Kind, Table


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
    )
