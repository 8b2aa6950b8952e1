"""The tables of people: raters and how well they do, everybody's roles, invitation links.

Nothing here ranks raters by speed: the list is by name, and the column of speed does not sort.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import F, Q

from annotation.models import Invitation, Membership, Project, QualificationAttempt, Role
from annotation.queries.people import list_invitations, list_memberships
from annotation.queries.raters import RaterFacts, Reliability, list_rater_facts
from annotation.tables.table import Column, Filter, Kind, Table, Value

_Row = TypeVar("_Row", RaterFacts, Membership)


def build_rater_table(project: Project) -> Table[RaterFacts]:
    return Table(
        name="raters",
        noun="rater",
        rows=list_rater_facts(project),
        order="name",
        prefix="r-",
        columns=_list_rater_columns(),
        filters=[
            Filter("q", "Find a rater", _find_person),
            Filter("state", "State", _keep_state, [("active", "Active"), ("paused", "Paused")]),
            Filter(
                "kind",
                "Kind",
                lambda rows, said: [row for row in rows if row.account.is_simulated == (said == "simulated")],
                [("people", "People"), ("simulated", "Simulated")],
            ),
        ],
        empty="Nobody rates in this project yet. Invite raters below.",
    )


def _list_rater_columns() -> Sequence[Column[RaterFacts]]:
    return [
        Column("name", "Rater", lambda row: str(row.account), template="people/rater_name.html"),
        Column("user_name", "User name", lambda row: row.account.username, on_page=False),
        Column("simulated", "Simulated", lambda row: row.account.is_simulated, on_page=False),
        Column("state", "State", say_state, template="people/state_cell.html"),
        _change_column("people/rater_actions.html"),
        Column("qualification", "Qualification", lambda row: say_qualification(row.qualification)),
        Column("ratings", "Ratings", lambda row: row.work.num_ratings, Kind.NUMBER),
        Column(
            "gold", "Right on gold", lambda row: row.gold.rate, Kind.SHARE, template="people/gold_cell.html"
        ),
        Column("gold_seen", "Gold seen", lambda row: row.gold.num_seen, Kind.NUMBER, on_page=False),
        Column("gold_low", "Gold, low", lambda row: row.gold.low, Kind.SHARE, on_page=False),
        Column("gold_high", "Gold, high", lambda row: row.gold.high, Kind.SHARE, on_page=False),
        *_list_reliability_columns(),
        Column("active", "Active time", lambda row: row.work.active_seconds, Kind.SECONDS),
        Column(
            "speed",
            "Median a trace",
            lambda row: row.work.median_seconds,
            Kind.SECONDS,
            is_sortable=False,
        ),
        Column("last", "Last rating", lambda row: row.work.last_at, Kind.TIME),
    ]


def _list_reliability_columns() -> Sequence[Column[RaterFacts]]:
    def read(name: str, place: int | None = None) -> Column[RaterFacts]:
        def value(row: RaterFacts) -> Value:
            return _read_reliability(row.reliability, name, place)

        if place is None:
            template = f"people/{name}_cell.html"
            return Column(name, name.capitalize(), value, Kind.SHARE, template=template)
        end = ("low", "high")[place]
        return Column(f"{name}_{end}", f"{name.capitalize()}, {end}", value, Kind.SHARE, on_page=False)

    return [read(name, place) for name in ("sensitivity", "specificity") for place in (None, 0, 1)]


def _read_reliability(found: Reliability | None, name: str, place: int | None) -> Value:
    if found is None:
        return None
    if place is None:
        rate: float = getattr(found, name)
        return rate
    ends: tuple[float, float] = getattr(found, f"{name}_interval")
    return ends[place]


def say_state(row: RaterFacts) -> str:
    if not row.account.is_active:
        return "switched off"
    return "paused" if row.membership.paused_at else "active"


def say_qualification(attempt: QualificationAttempt | None) -> str | None:
    """How the attempt that counts ended, in a few words; None where there was none."""
    if attempt is None:
        return None
    if attempt.waived_by_id is not None:
        return "waived"
    if attempt.has_passed is None:
        return f"attempt {attempt.number} under way"
    verdict = "passed" if attempt.has_passed else "failed"
    return f"{verdict}, {attempt.num_right} of {len(attempt.trace_ids)}, attempt {attempt.number}"


def _find_person(rows: Sequence[_Row], text: str) -> list[_Row]:
    """Rows whose account has the text in its user name or its name."""
    wanted = text.casefold()
    return [
        row
        for row in rows
        if wanted in row.account.username.casefold() or wanted in row.account.display_name.casefold()
    ]


def _keep_state(rows: Sequence[RaterFacts], state: str) -> list[RaterFacts]:
    return [row for row in rows if (say_state(row) == "active") == (state == "active")]


def build_member_table(project: Project) -> Table[Membership]:
    """Every role held in the project, admins first, then by name."""
    return Table(
        name="members",
        noun="role",
        rows=list_memberships(project),
        order="",
        prefix="m-",
        columns=[
            Column("name", "Name", lambda row: str(row.account), template="people/member_name.html"),
            Column("user_name", "User name", lambda row: row.account.username, on_page=False),
            Column("role", "Role", lambda row: row.get_role_display(), template="people/role_cell.html"),
            Column("paused", "Paused", lambda row: row.paused_at, Kind.TIME, on_page=False),
            Column("joined", "Joined", lambda row: row.created_at, Kind.DATE),
            _change_column("people/member_actions.html"),
        ],
        filters=[
            Filter("q", "Find a person", _find_person),
            Filter(
                "role",
                "Role",
                lambda rows, wanted: [row for row in rows if row.role == wanted],
                [(role.value, str(role.label)) for role in Role],
            ),
        ],
        empty="Nobody is in this project yet. Make an invitation link below and send it to your raters.",
    )


def _change_column(template: str) -> Column[Any]:
    """The buttons that change a row."""
    return Column("change", "", lambda row: None, is_sortable=False, in_csv=False, template=template)


def build_invitation_table(project: Project, *, now: dt.datetime) -> Table[Invitation]:
    """Links that were not revoked, the newest first; why one no longer works stands with it."""
    return Table(
        name="invitations",
        noun="link",
        rows=list_invitations(project),
        order="-made",
        prefix="i-",
        columns=[
            Column("note", "For", lambda row: row.note or row.sent_to, sort="note"),
            Column("sent_to", "Sent to", lambda row: row.sent_to),
            Column("role", "Role", lambda row: row.get_role_display()),
            Column("used", "Used", lambda row: f"{row.num_uses} of {row.max_uses}", sort="num_uses"),
            Column("state", "State", lambda row: say_invitation_state(row, now=now), is_sortable=False),
            Column("until", "Works until", lambda row: row.expires_at, Kind.TIME, sort="expires_at"),
            Column("by", "Made by", lambda row: str(row.created_by), sort="created_by__username"),
            Column("made", "Made", lambda row: row.created_at, Kind.TIME, sort="created_at", on_page=False),
            _change_column("people/invitation_actions.html"),
        ],
        filters=[
            Filter(
                "find",
                "Find a link",
                lambda rows, text: rows.filter(Q(note__icontains=text) | Q(sent_to__icontains=text)),
            ),
            Filter(
                "role",
                "Role",
                lambda rows, role: rows.filter(role=role),
                [(role.value, str(role.label)) for role in Role],
            ),
            Filter(
                "state",
                "State",
                lambda rows, state: rows.filter(_hold_state(state, now=now)),
                [(state, state) for state in ("open", "used up", "expired")],
            ),
        ],
        empty="No link is open. Make one above and send it to whoever should join.",
    )


def _hold_state(state: str, *, now: dt.datetime) -> Q:
    """`say_invitation_state` for the database."""
    is_expired, is_used_up = Q(expires_at__lte=now), Q(num_uses__gte=F("max_uses"))
    return {
        "open": ~is_expired & ~is_used_up,
        "used up": ~is_expired & is_used_up,
        "expired": is_expired,
    }[state]


def say_invitation_state(row: Invitation, *, now: dt.datetime) -> str:
    if row.expires_at <= now:
        return "expired"
    return "used up" if row.num_uses >= row.max_uses else "open"
