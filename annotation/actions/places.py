"""The places on a trace: as many as the project's overlap, each held by a lease or a submitted rating.

Whoever gives or takes a place holds the trace's row lock meanwhile, then counts in a new statement: under READ
COMMITTED that count sees everything committed before the lock was got. `Trace.wants_ratings` repeats the answer
for the index that hands traces out. Locks are taken in one order: account, trace, assignment.
"""

from __future__ import annotations

from django.db.models import Count, Q

from annotation.models import Assignment, AssignmentState, Trace

_TAKES_A_PLACE = Q(assignments__state__in=(AssignmentState.LEASED, AssignmentState.SUBMITTED))


def lock_trace(trace_id: int) -> None:
    """Holds the trace until the transaction ends. A "no key" lock: ratings and scores can still refer to it."""
    list(Trace.objects.select_for_update(no_key=True).filter(pk=trace_id).values_list("pk"))


def lock_assignment(assignment_id: int) -> Assignment:
    """The assignment as it is now, held until the transaction ends, with its trace (without the text) and project."""
    return (
        Assignment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("trace__project")
        .defer("trace__completion")
        .get(pk=assignment_id)
    )


def count_free_places(trace_id: int) -> int:
    """How many more raters the trace can take. Call it with the trace locked. The overlap is read afresh, so a
    change of it holds from the moment it is stored."""
    trace = (
        Trace.objects.filter(pk=trace_id)
        .annotate(num_taken=Count("assignments", filter=_TAKES_A_PLACE))
        .values_list("project__overlap", "retired_at", "num_taken")
        .get()
    )
    overlap, retired_at, num_taken = trace
    return 0 if retired_at is not None else max(0, overlap - num_taken)


def refresh_place_flag(trace_id: int) -> None:
    """Makes `wants_ratings` say whether there is a free place. Call it with the trace locked."""
    wants_ratings = count_free_places(trace_id) > 0
    Trace.objects.filter(pk=trace_id).exclude(wants_ratings=wants_ratings).update(wants_ratings=wants_ratings)
