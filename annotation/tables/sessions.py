"""The table of a rater's sittings."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.queries.sessions import Session
from annotation.tables.months import make_month_filter
from annotation.tables.table import Column, Filter, Kind, Table

_SHORT_SECONDS = 600


def build_session_table(sessions: Sequence[Session]) -> Table[Session]:
    """The latest first."""
    return Table(
        name="sessions",
        noun="session",
        rows=sessions,
        order="-began",
        page_size=20,
        columns=[
            Column("began", "Began", lambda row: row.began_at, Kind.TIME),
            Column("ended", "Ended", lambda row: row.ended_at, Kind.TIME),
            Column("traces", "Traces", lambda row: row.num_traces, Kind.NUMBER),
            Column("active", "Active time", lambda row: row.active_seconds, Kind.SECONDS),
        ],
        filters=[
            make_month_filter(sessions, lambda row: row.began_at),
            Filter(
                "length",
                "Active",
                _filter_length,
                [("short", "under 10 minutes"), ("long", "10 minutes or more")],
            ),
        ],
        empty="They have not rated in this project yet.",
    )


def _filter_length(rows: Sequence[Session], length: str) -> list[Session]:
    return [row for row in rows if (row.active_seconds < _SHORT_SECONDS) == (length == "short")]
