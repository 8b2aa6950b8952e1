"""Which traces a rater may be handed, and how many there are.

Every query here reads one of the two partial indexes over open traces (`trace_open_random`, `trace_open_need`)
and stops after a bounded number of entries, so its cost does not grow with the project.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet

from annotation.models import Account, Assignment, AssignmentState, Project, Rating, Trace
from annotation.models.trace import TraceQuerySet

# How many open traces are counted one by one; above that their number is told from how close their keys lie,
# with a relative standard error of 1 / sqrt(NUM_COUNTED), 10 %.
NUM_COUNTED = 100


@dataclass(frozen=True)
class Pool:
    """What a rater's next draw chooses from. `num_neediest` traces share the highest need, `top_need`."""

    num_traces: int
    top_need: float
    num_neediest: int


def list_open_for(rater: Account, project: Project) -> TraceQuerySet:
    """Traces that want ratings and that this rater has neither got, nor rated, nor skipped."""
    had = Assignment.objects.filter(trace=OuterRef("pk"), rater=rater).exclude(state=AssignmentState.RETURNED)
    return Trace.objects.filter(~Exists(had), project=project, wants_ratings=True)


def measure_pool(open_traces: TraceQuerySet) -> Pool | None:
    """How many traces there are and how many of them are the neediest; None where there are none."""
    top_need = open_traces.order_by("-need", "queue_key").values_list("need", flat=True).first()
    if top_need is None:
        return None
    num_traces = max(1, _count_by_keys(open_traces))  # the one just seen may be gone by now
    # Where nothing needs anybody more than the rest, all are the neediest.
    num_neediest = num_traces
    if top_need > 0.0:
        num_neediest = max(1, _count_by_keys(open_traces.filter(need=top_need)))
    return Pool(num_traces=num_traces, top_need=top_need, num_neediest=num_neediest)


def _count_by_keys(traces: TraceQuerySet) -> int:
    """Exact below NUM_COUNTED; above it, k keys drawn uniformly from [0, 1) that span s stand for (k-1)/s traces."""
    window = traces.order_by("queue_key").values("queue_key")[:NUM_COUNTED]
    keys = window.aggregate(num=Count("queue_key"), first=Min("queue_key"), last=Max("queue_key"))
    num = int(keys["num"])
    span = keys["last"] - keys["first"] if num else 0.0
    if num < NUM_COUNTED or span <= 0.0:
        return num
    return max(NUM_COUNTED, round((NUM_COUNTED - 1) / span))


def find_running_lease(rater: Account, project: Project, *, is_ahead: bool = False) -> Assignment | None:
    """The trace that lies on the rater's desk, or the one after it: what was leased ahead comes last.

    A lease that ran out counts while its place was not given away.
    """
    leases = (
        Assignment.objects.filter(
            rater=rater,
            state=AssignmentState.LEASED,
            trace__project=project,
            trace__retired_at__isnull=True,
        )
        .select_related("trace__project")
        .defer("trace__completion")
        .order_by("is_ahead", "leased_at", "pk")
    )
    return next(iter(leases[1:2] if is_ahead else leases[:1]), None)


def list_kept_drafts(rater: Account, project: Project) -> QuerySet[Assignment]:
    """Work the rater began, whose lease ran out, on traces that still want ratings; the latest first."""
    return Assignment.objects.filter(
        rater=rater,
        state=AssignmentState.RETURNED,
        draft_revision__gt=0,
        trace__project=project,
        trace__wants_ratings=True,
    ).order_by("-draft_saved_at", "-pk")


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
