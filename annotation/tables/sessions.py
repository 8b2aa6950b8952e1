"""The table of a rater's sittings."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.queries.sessions import Session
from annotation.tables.table import Column, Kind, Table


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
        empty="They have not rated in this project yet.",
    )
