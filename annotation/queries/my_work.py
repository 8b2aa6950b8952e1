"""A rater's own work: what waits for them, what they have done, and how accurate they are where they may know."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import TruncDate

from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    Comparison,
    Decision,
    GoldUse,
    Membership,
    Project,
    Rating,
    Role,
    Trace,
)
from annotation.queries.gold import get_gold_accuracy
from annotation.queries.practice import get_practice, is_qualified
from annotation.rules.gold_accuracy import GoldAccuracy

MOST_COUNTED = 1_000  # of what waits; nobody needs to know it more exactly
_DAYS = 7


@dataclass(frozen=True)
class ProjectWork:
    """One project as its rater sees it. `num_waiting` stops at MOST_COUNTED; `num_begun` are drafts and open leases.

    `accuracy` is None where the project does not share it. `pause` is the paused membership, if it is.
    `is_shut_out`: they took the test in vain, as often as they may.
    """

    project: Project
    num_waiting: int
    num_begun: int
    num_traces: int
    num_comparisons: int
    active_seconds: float
    accuracy: GoldAccuracy | None
    is_qualified: bool
    is_shut_out: bool
    pause: Membership | None

    @property
    def is_more_waiting(self) -> bool:
        return self.num_waiting >= MOST_COUNTED


@dataclass(frozen=True)
class DayWork:
    """What was rated on one day (UTC), and the time at work on it in seconds, idle time left out."""

    day: dt.date
    num_traces: int
    active_seconds: float


@dataclass(frozen=True)
class MyWork:
    projects: tuple[ProjectWork, ...]
    days: tuple[DayWork, ...]

    @property
    def num_traces(self) -> int:
        return sum(work.num_traces for work in self.projects)

    @property
    def num_comparisons(self) -> int:
        return sum(work.num_comparisons for work in self.projects)

    @property
    def active_seconds(self) -> float:
        return sum(work.active_seconds for work in self.projects)


def get_my_work(rater: Account, *, now: dt.datetime) -> MyWork:
    """Every project in which the account rates, paused ones too, with today's work (since midnight UTC)."""
    memberships = Membership.objects.filter(
        account=rater, role=Role.RATER, project__archived_at__isnull=True
    ).select_related("project")
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return MyWork(
        projects=tuple(
            _see_project(rater, membership, midnight) for membership in memberships.order_by("project__name")
        ),
        days=tuple(_list_days(rater, since=midnight - dt.timedelta(days=_DAYS - 1))),
    )


def count_waiting(rater: Account, project: Project) -> int:
    """How many traces the rater may yet be handed, at most MOST_COUNTED.

    The gold that is mixed in counts like any other, or a rater would see the number stay where it was when gold came.
    None is handed out once nothing else is open, and then nothing waits (annotation.actions.draws).
    """
    had = Assignment.objects.filter(trace=OuterRef("pk"), rater=rater).exclude(state=AssignmentState.RETURNED)
    traces = Trace.objects.filter(~Exists(had), project=project)
    if project.forbids_own_prompts:
        traces = traces.exclude(prompt__created_by=rater)
    num_open = traces.filter(wants_ratings=True)[:MOST_COUNTED].count()
    if not num_open or project.gold_share <= 0.0:
        return num_open
    gold = traces.filter(gold__use=GoldUse.WORK, retired_at__isnull=True, priority__gt=0)
    own = Decision.objects.filter(trace=OuterRef("pk"), adjudicator=rater)
    return min(num_open + gold.filter(~Exists(own)).count(), MOST_COUNTED)


def _see_project(rater: Account, membership: Membership, midnight: dt.datetime) -> ProjectWork:
    project = membership.project
    is_paused = membership.paused_at is not None
    today = Rating.objects.current().filter(
        rater=rater, trace__project=project, assignment__ended_at__gte=midnight
    )
    done = today.aggregate(num=Count("pk"), seconds=Sum("active_seconds"))
    begun = Assignment.objects.filter(rater=rater, trace__project=project).filter(
        Q(state=AssignmentState.LEASED, is_ahead=False)
        | Q(state=AssignmentState.RETURNED, draft_saved_at__isnull=False)
    )
    compared = Comparison.objects.filter(rater=rater, prompt__project=project, submitted_at__gte=midnight)
    may_rate = is_qualified(rater, project)
    return ProjectWork(
        project=project,
        num_waiting=0 if is_paused else count_waiting(rater, project),
        num_begun=0 if is_paused else begun.count(),
        num_traces=done["num"],
        num_comparisons=compared.count(),
        active_seconds=done["seconds"] or 0.0,
        accuracy=get_gold_accuracy(project, rater) if project.shows_gold_accuracy else None,
        is_qualified=may_rate,
        is_shut_out=not may_rate and get_practice(rater, project).is_shut_out,
        pause=membership if is_paused else None,
    )


def _list_days(rater: Account, *, since: dt.datetime) -> list[DayWork]:
    """The days on which something was rated, the latest first."""
    days = (
        Rating.objects.current()
        .filter(rater=rater, assignment__ended_at__gte=since)
        .order_by()
        .annotate(day=TruncDate(F("assignment__ended_at"), tzinfo=dt.UTC))
        .values("day")
        .annotate(num=Count("pk"), seconds=Sum("active_seconds"))
        .order_by("-day")
    )
    return [DayWork(row["day"], row["num"], row["seconds"]) for row in days]
