"""The table of the audit log."""

from __future__ import annotations

import datetime as dt
from functools import cache

from annotation.models import AuditEvent, Project
from annotation.queries.audit import find_account_of_subject, list_events, list_verbs, search_events
from annotation.tables.table import Column, Filter, Kind, Table

_PERIODS = [("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days"), ("365", "Last year")]


def build_event_table(*, project: Project | None = None, now: dt.datetime) -> Table[AuditEvent]:
    """Events of a project, or of the whole site, the newest first."""

    @cache  # a page names the same few people again and again
    def name_subject(subject: str) -> str:
        account = find_account_of_subject(subject)
        return f"{account} ({subject})" if account else subject

    columns: list[Column[AuditEvent]] = [
        Column("at", "When", lambda row: row.at, Kind.TIME),
        Column(
            "who",
            "Who",
            lambda row: str(row.actor) if row.actor else None,
            sort="actor__username",
            is_nullable=True,
        ),
        Column(
            "user_name", "User name", lambda row: row.actor.username if row.actor else None, on_page=False
        ),
        Column("what", "Did what", lambda row: row.verb, sort="verb"),
        Column("to", "To what", lambda row: name_subject(row.subject), sort="subject"),
        Column("details", "Details", say_details, is_sortable=False),
    ]
    if project is None:
        columns.insert(
            1,
            Column(
                "project",
                "Project",
                lambda row: str(row.project) if row.project else None,
                sort="project__name",
                is_nullable=True,
            ),
        )
    return Table(
        name="events",
        noun="event",
        rows=list_events(project),
        order="-at",
        columns=columns,
        filters=[
            Filter("q", "Search", search_events),
            Filter(
                "verb",
                "Did what",
                lambda rows, said: rows.filter(verb=said),
                [(v, v) for v in list_verbs(project)],
            ),
            Filter(
                "days",
                "When",
                lambda rows, said: rows.filter(at__gte=now - dt.timedelta(days=int(said))),
                _PERIODS,
            ),
        ],
        empty="Nothing has been recorded yet.",
    )


def say_details(event: AuditEvent) -> str:
    """`role: rater; lines: 12`"""
    return "; ".join(f"{name.replace('_', ' ')}: {_say(value)}" for name, value in event.details.items())


def _say(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
