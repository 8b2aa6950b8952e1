"""A rater's assignments, and what they have done."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Max

from annotation.models import Account, Assignment, Project, Rating
from annotation.queries.compiled import CompiledQuery

_WITH_TEXT = CompiledQuery(
    lambda pk: Assignment.objects.filter(pk=pk).select_related("trace__prompt", "trace__project"), 1
)


def get_with_text(assignment_id: int) -> Assignment:
    """The assignment with its trace, prompt and project. Raises Assignment.DoesNotExist."""
    found = _WITH_TEXT.find(assignment_id)
    if found is None:
        raise Assignment.DoesNotExist
    return found


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


def find_last_rating(rater: Account, project: Project, *, since: dt.datetime) -> Rating | None:
    """What the rater submitted last in this project, if not before `since`."""
    last = Rating.objects.filter(rater=rater, trace__project=project).aggregate(last=Max("pk"))["last"]
    return Rating.objects.filter(pk=last, submitted_at__gte=since).first() if last else None
