"""The places on a trace: as many as the project's overlap, each held by a lease or a submitted rating.

Whoever gives or takes a place holds the trace's row lock meanwhile, then counts in a new statement: under READ
COMMITTED that count sees everything committed before the lock was got. `Trace.wants_ratings` repeats the answer
for the index that hands traces out. Locks are taken in one order: account, trace, assignment.

Gold has a place for everyone, since each rater is measured on it; it is handed out beside the queue, not from it.
What an adjudicator has decided waits for nobody; whoever holds it may still submit.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from annotation.models import Assignment, AssignmentState, Decision, Gold, Priority, Trace
from annotation.queries.compiled import CompiledQuery
from annotation.queries.statements import Statement

_TAKES_A_PLACE = Q(assignments__state__in=(AssignmentState.LEASED, AssignmentState.SUBMITTED))
_IS_GOLD = Exists(Gold.objects.filter(trace=OuterRef("pk")))
_IS_DECIDED = Exists(Decision.objects.filter(trace=OuterRef("pk")))


@dataclass(frozen=True)
class Places:
    """What a trace can take: `has_free` for a rater who comes to it, `wants_ratings` for the queue's flag."""

    has_free: bool
    wants_ratings: bool
    num_free: int


_LOCK_TRACE = Statement("SELECT 1 FROM annotation_trace WHERE id = %s FOR NO KEY UPDATE")


def lock_trace(trace_id: int) -> None:
    """Holds the trace until the transaction ends. A "no key" lock: ratings and scores can still refer to it."""
    _LOCK_TRACE.fetch(trace_id)


def lock_assignment(assignment_id: int, *, trace_id: int | None = None) -> Assignment:
    """The assignment as it is now, held until the transaction ends, with its trace (without the text) and project.

    With `trace_id`, its trace's, the trace is locked first, in the same round trip.
    """
    first = [] if trace_id is None else [_LOCK_TRACE.with_values(trace_id)]
    locked = _LOCKED_ASSIGNMENT.find(assignment_id, after=first)
    if locked is None:
        raise Assignment.DoesNotExist
    return locked


_LOCKED_ASSIGNMENT = CompiledQuery(
    lambda assignment_id: (
        Assignment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("trace__project")
        .defer("trace__completion")
        .filter(pk=assignment_id)
    ),
    int,
)


def count_places(trace_id: int) -> Places:
    """How many more raters the trace can take. Call it with the trace locked. The overlap is read afresh, so a
    change of it holds from the moment it is stored."""
    overlap, retired_at, priority, is_gold, is_decided, num_taken = (
        Trace.objects.filter(pk=trace_id)
        .annotate(
            num_taken=Count("assignments", filter=_TAKES_A_PLACE), is_gold=_IS_GOLD, is_decided=_IS_DECIDED
        )
        .values_list("project__overlap", "retired_at", "priority", "is_gold", "is_decided", "num_taken")
        .get()
    )
    num_free = 0 if retired_at is not None else max(0, overlap - num_taken)
    return Places(
        has_free=num_free > 0 or (is_gold and retired_at is None),
        wants_ratings=num_free > 0 and not is_gold and not is_decided and priority > Priority.HELD,
        num_free=num_free,
    )


def refresh_place_flag(trace_id: int) -> None:
    """Makes `wants_ratings` say whether the queue has a place to give. Call it with the trace locked."""
    wants_ratings = count_places(trace_id).wants_ratings
    Trace.objects.filter(pk=trace_id).exclude(wants_ratings=wants_ratings).update(wants_ratings=wants_ratings)
