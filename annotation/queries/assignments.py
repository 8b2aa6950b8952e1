"""A rater's assignments, and what they have done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.models import Account, Assignment, AssignmentState, Project, Rating
from annotation.queries.compiled import CompiledQuery
from annotation.queries.statements import Call

_WITH_TEXT = CompiledQuery(
    lambda pk: Assignment.objects.filter(pk=pk).select_related("trace__prompt", "trace__project"), int
)


_LEASED = CompiledQuery(
    lambda trace, rater: Assignment.objects.filter(
        trace=trace, rater=rater, state=AssignmentState.LEASED
    ).select_related("trace__prompt", "trace__project"),
    int,
    int,
)


def get_with_text(assignment_id: int) -> Assignment:
    """The assignment with its trace, prompt and project. Raises Assignment.DoesNotExist."""
    found = _WITH_TEXT.find(assignment_id)
    if found is None:
        raise Assignment.DoesNotExist
    return found


def find_leased(trace_id: int, rater: Account, *, after: Sequence[Call] = ()) -> Assignment | None:
    """The rater's lease on the trace, with prompt and project; the calls in `after` go before in one round trip."""
    return _LEASED.find(trace_id, rater.pk, after=after)


@dataclass(frozen=True)
class DoneToday:
    """What a rater has submitted since `since`: traces, and time at work on them in seconds."""

    num_traces: int
    active_seconds: float


def get_done_since(rater: Account, project: Project, *, since: dt.datetime) -> DoneToday:
    seconds = list(
        Rating.objects.current()
        .filter(rater=rater, trace__project=project, assignment__ended_at__gte=since)
        .values_list("active_seconds", flat=True)
    )
    return DoneToday(num_traces=len(seconds), active_seconds=sum(seconds))


_LAST_RATING = CompiledQuery(
    lambda rater, project, since: Rating.objects.filter(
        rater=rater, trace__project=project, submitted_at__gte=since
    ).order_by("-submitted_at", "-pk")[:1],
    int,
    int,
    dt.datetime,
)


def find_last_rating(rater: Account, project: Project, *, since: dt.datetime) -> Rating | None:
    """What the rater submitted last in this project, if not before `since`."""
    return _LAST_RATING.find(rater.pk, project.pk, since)


def list_revisions(assignment: Assignment) -> list[Rating]:
    """All that the rater ever submitted of this trace, the latest first; one of them is current."""
    return list(Rating.objects.filter(assignment=assignment).order_by("-revision"))
