"""Handing out traces: a lease holds a trace for one rater until it is rated, skipped, returned or runs out.

`lease_next` draws half at random and half by need (docs/adr/assignment-leases.md). A pair of rater and trace has one
row for ever, so what was drawn for the pair (arm, probability, assisted or blind) never changes.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from django.db import transaction

from annotation.actions.places import count_places, lock_assignment, lock_trace, refresh_place_flag
from annotation.models import Account, Assignment, AssignmentState, Project, SelectedBy, Trace
from annotation.models.trace import TraceQuerySet
from annotation.queries.assignments import (
    Pool,
    find_running_lease,
    list_kept_drafts,
    list_open_for,
    measure_pool,
)
from annotation.rules.selection import RANDOM_SHARE, selection_probability

MAX_REASON_CHARACTERS = 400
_EXPIRE_AT_ONCE = 1000


class NothingToRate(Exception):
    """No trace of the project wants a rating from this rater now."""


class NotYours(Exception):
    """The assignment is another rater's."""


class LeaseExpired(Exception):
    """The lease ran out and others have taken all places on the trace; the draft is kept."""


class AlreadySubmitted(Exception):
    """The trace was rated already; amending is a different act."""


@dataclass(frozen=True)
class Draw:
    trace_id: int
    selected_by: SelectedBy
    probability: float


def lease_next(
    *, project: Project, rater: Account, now: dt.datetime, source: random.Random, is_ahead: bool = False
) -> Assignment:
    """The trace this rater rates next: the one on their desk, else work they began, else a new draw.

    With `is_ahead` it is the one after that, leased while the first is being rated: at most one a rater.
    Asking twice gives the same trace. Raises NothingToRate.
    """
    assignment = _lease_one(project, rater, is_ahead=is_ahead, now=now, source=source)
    if assignment is None and expire_leases(now=now, project=project):
        assignment = _lease_one(project, rater, is_ahead=is_ahead, now=now, source=source)
    if assignment is None:
        raise NothingToRate(f"Nothing in {project} wants a rating from this rater now.")
    return assignment


def renew_lease(*, assignment: Assignment, rater: Account, now: dt.datetime) -> Assignment:
    """Starts the lease's time anew; a lease that was lost is taken again if there is still a place.

    Raises NotYours, AlreadySubmitted and LeaseExpired (no place is left).
    """
    with transaction.atomic():
        lock_trace(assignment.trace_id)
        locked = lock_own_assignment(assignment, rater=rater)
        if locked.state == AssignmentState.SUBMITTED:
            raise AlreadySubmitted("You have submitted this trace already.")
        if not hold_place(locked, now=now):
            raise LeaseExpired(
                "Your lease on this trace ran out, and others have taken it. Your draft is kept."
            )
    return locked


def return_lease(*, assignment: Assignment, rater: Account, now: dt.datetime) -> None:
    """Gives the place back; the draft is kept, and the rater may be handed the trace again. Raises NotYours."""
    _end_lease(assignment, rater=rater, state=AssignmentState.RETURNED, reason="", now=now)


def skip_trace(*, assignment: Assignment, rater: Account, reason: str, now: dt.datetime) -> None:
    """Gives the place back for good: the rater is not handed this trace again.

    Skipping what is skipped does nothing. Raises NotYours and AlreadySubmitted.
    """
    _end_lease(
        assignment,
        rater=rater,
        state=AssignmentState.SKIPPED,
        reason=reason.replace("\x00", "")[:MAX_REASON_CHARACTERS],
        now=now,
    )


def expire_leases(*, now: dt.datetime, project: Project | None = None) -> int:
    """Gives back the places of leases that ran out, here or everywhere; returns how many. Drafts stay."""
    expired = Assignment.objects.expired(now=now)
    if project is not None:
        expired = expired.filter(trace__project=project)
    trace_ids = expired.order_by("trace_id").values_list("trace_id", flat=True).distinct()[:_EXPIRE_AT_ONCE]
    return sum(_expire_leases_on(trace_id, now=now) for trace_id in list(trace_ids))


def record_scores_shown(*, assignment: Assignment, now: dt.datetime) -> None:
    """Judge scores are about to show to the rater: whatever they say of the trace from now on is assisted."""
    Assignment.objects.filter(pk=assignment.pk, scores_shown_at__isnull=True).update(scores_shown_at=now)


def lock_own_assignment(assignment: Assignment, *, rater: Account) -> Assignment:
    """The assignment as it is now, locked. Raises NotYours."""
    locked = lock_assignment(assignment.pk)
    if locked.rater_id != rater.pk:
        raise NotYours("This trace was handed to somebody else.")
    return locked


def hold_place(assignment: Assignment, *, now: dt.datetime, is_ahead: bool = False) -> bool:
    """Renews the lease of a locked assignment on a locked trace, taking the place again where it was given back.

    False where no place is left.
    """
    if assignment.state != AssignmentState.LEASED and not count_places(assignment.trace_id).has_free:
        return False
    was_leased = assignment.state == AssignmentState.LEASED
    assignment.state, assignment.ended_at, assignment.skip_reason = AssignmentState.LEASED, None, ""
    assignment.expires_at, assignment.is_ahead = now + lease_time(assignment.trace.project), is_ahead
    assignment.save(update_fields=["state", "ended_at", "skip_reason", "expires_at", "is_ahead"])
    if not was_leased:
        refresh_place_flag(assignment.trace_id)
    return True


def lease_time(project: Project) -> dt.timedelta:
    return dt.timedelta(minutes=project.lease_minutes)


def _lease_one(
    project: Project, rater: Account, *, is_ahead: bool, now: dt.datetime, source: random.Random
) -> Assignment | None:
    while True:
        with transaction.atomic():
            # One rater's requests wait for each other: two tabs get the same trace.
            Account.objects.select_for_update(no_key=True).only("pk").get(pk=rater.pk)
            if running := find_running_lease(rater, project, is_ahead=is_ahead):
                if _prolong(running, now=now, is_ahead=is_ahead):
                    return running
                continue  # it ran out and was given back between the two queries
            if kept := list_kept_drafts(rater, project).first():
                if taken := _take_up(kept, now=now, is_ahead=is_ahead):
                    return taken
                continue
            draw = _draw_trace(list_open_for(rater, project), source)
            if draw is None:
                return None
            places = count_places(draw.trace_id)
            if places.wants_ratings:
                taken = _take_place(draw, project, rater, is_ahead=is_ahead, now=now, source=source)
                if places.num_free == 1:
                    Trace.objects.filter(pk=draw.trace_id).update(wants_ratings=False)
                return taken
            refresh_place_flag(draw.trace_id)  # the flag was stale; the next round draws without this trace


def _draw_trace(open_traces: TraceQuerySet, source: random.Random) -> Draw | None:
    """Draws one trace and locks it; None where there is none."""
    pool = measure_pool(open_traces)
    if pool is None:
        return None
    selected_by = SelectedBy.RANDOM if source.random() < RANDOM_SHARE else SelectedBy.NEED
    found = _lock_first(open_traces, selected_by, source)
    if found is None:
        return None
    trace_id, need = found
    return Draw(trace_id=trace_id, selected_by=selected_by, probability=_probability(pool, need))


def _lock_first(
    open_traces: TraceQuerySet, selected_by: SelectedBy, source: random.Random
) -> tuple[int, float] | None:
    """The first trace nobody else is at; where all are being handed out this moment, waits for one of them."""
    by_key = open_traces.order_by("queue_key")
    tries = (
        [by_key.filter(queue_key__gte=source.random()), by_key]
        if selected_by == SelectedBy.RANDOM
        else [open_traces.order_by("-need", "queue_key")]
    )
    for traces in tries:
        free = traces.select_for_update(skip_locked=True, no_key=True).values_list("pk", "need")
        if found := free.first():
            return found
    return by_key.select_for_update(no_key=True).values_list("pk", "need").first()


def _probability(pool: Pool, need: float) -> float:
    """With which this draw selected a trace of this need: uniform over the pool in one arm, over the neediest in
    the other. Keys are drawn once, uniformly and apart from any content, so "the first key at or after a random
    one" and "the lowest key among equals" are uniform choices."""
    probability = selection_probability(
        need=1.0 if need >= pool.top_need else 0.0,
        total_need=float(pool.num_neediest),
        num_candidates=max(pool.num_traces, pool.num_neediest),
    )
    return min(1.0, probability)


def _take_place(
    draw: Draw, project: Project, rater: Account, *, is_ahead: bool, now: dt.datetime, source: random.Random
) -> Assignment:
    """Leases a locked trace with a free place. A row this pair has from before is leased again as it was drawn."""
    assignment, _ = Assignment.objects.update_or_create(
        trace_id=draw.trace_id,
        rater=rater,
        defaults={
            "state": AssignmentState.LEASED,
            "ended_at": None,
            "expires_at": now + lease_time(project),
            "is_ahead": is_ahead,
        },
        create_defaults={
            "leased_at": now,
            "expires_at": now + lease_time(project),
            "is_ahead": is_ahead,
            "selected_by": draw.selected_by,
            "selection_probability": draw.probability,
            "is_assisted": source.random() < project.assisted_share,
        },
    )
    return assignment


def _prolong(running: Assignment, *, now: dt.datetime, is_ahead: bool) -> bool:
    """Starts the lease's time anew, if it is still held."""
    running.expires_at = now + lease_time(running.trace.project)
    held = Assignment.objects.filter(pk=running.pk, state=AssignmentState.LEASED)
    return held.update(expires_at=running.expires_at, is_ahead=is_ahead) == 1


def _take_up(kept: Assignment, *, now: dt.datetime, is_ahead: bool) -> Assignment | None:
    """Leases unfinished work again. None where its last place went meanwhile; the flag then says so."""
    lock_trace(kept.trace_id)
    locked = lock_assignment(kept.pk)
    if locked.state == AssignmentState.RETURNED and hold_place(locked, now=now, is_ahead=is_ahead):
        return locked
    refresh_place_flag(kept.trace_id)
    return None


def _end_lease(
    assignment: Assignment, *, rater: Account, state: AssignmentState, reason: str, now: dt.datetime
) -> None:
    with transaction.atomic():
        lock_trace(assignment.trace_id)
        locked = lock_own_assignment(assignment, rater=rater)
        if locked.state == AssignmentState.SUBMITTED:
            raise AlreadySubmitted("You have submitted this trace already.")
        if locked.state in (state, AssignmentState.SKIPPED):
            return
        locked.state, locked.skip_reason, locked.ended_at, locked.is_ahead = state, reason, now, False
        locked.save(update_fields=["state", "skip_reason", "ended_at", "is_ahead"])
        refresh_place_flag(locked.trace_id)


def _expire_leases_on(trace_id: int, *, now: dt.datetime) -> int:
    with transaction.atomic():
        lock_trace(trace_id)
        num_expired = (
            Assignment.objects.filter(trace_id=trace_id)
            .expired(now=now)
            .update(state=AssignmentState.RETURNED, ended_at=now, is_ahead=False)
        )
        if num_expired:
            refresh_place_flag(trace_id)
    return int(num_expired)
