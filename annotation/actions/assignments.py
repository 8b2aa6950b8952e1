"""Handing out traces: a lease holds a trace for one rater until it is rated, skipped, returned or runs out.

`lease_next` draws half at random and half by need, with gold mixed in (docs/adr/assignment-leases.md). A pair of rater
and trace has one row for ever, so what was drawn for the pair (arm, probability, assisted or blind) never changes.
"""

from __future__ import annotations

import datetime as dt
import random

from django.db import transaction
from django.utils.translation import gettext

from annotation.actions.desk import Asking, look_at_desk, take_place
from annotation.actions.draws import AllTaken, draw_trace
from annotation.actions.places import count_places, lock_assignment, lock_trace, refresh_place_flag
from annotation.models import Account, Assignment, AssignmentState, Project
from annotation.queries.assignments import get_with_text
from annotation.queries.practice import is_qualified

MAX_REASON_CHARACTERS = 400
_EXPIRE_AT_ONCE = 1000


class NothingToRate(Exception):
    """No trace of the project wants a rating from this rater now."""


class NotQualified(NothingToRate):
    """The project has a test, and the rater has not passed it yet."""


class NotYours(Exception):
    """The assignment is another rater's."""


class LeaseExpired(Exception):
    """The lease ran out and others have taken all places on the trace; the draft is kept."""


class AlreadySubmitted(Exception):
    """The trace was rated already; amending is a different act."""


def lease_next(
    *,
    project: Project,
    rater: Account,
    now: dt.datetime,
    source: random.Random,
    is_ahead: bool = False,
    shown: int | None = None,
) -> Assignment:
    """The trace this rater rates next: the one on their desk, else work they began, else a new draw.

    With `is_ahead` it is the one after that, leased while the first is being rated: at most one a rater. So it is where
    the rater's page shows the first already: `shown` is that assignment's id.
    Asking twice gives the same trace. It comes with its text, prompt and project. Raises NothingToRate, and
    NotQualified.
    """
    if not is_qualified(rater, project):
        raise NotQualified(f"{rater} has not passed the test of {project}.")
    asking = Asking(project=project, rater=rater, now=now, is_ahead=is_ahead, shown=shown)
    leased = _lease_one(asking, source)
    if leased is None and expire_leases(now=now, project=project):
        leased = _lease_one(asking, source)
    if leased is None:
        raise NothingToRate(f"Nothing in {project} wants a rating from this rater now.")
    return leased


def renew_lease(*, assignment: Assignment, rater: Account, now: dt.datetime) -> Assignment:
    """Starts the lease's time anew; a lease that was lost is taken again if there is still a place.

    Raises NotYours, AlreadySubmitted and LeaseExpired (no place is left).
    """
    with transaction.atomic():
        locked = lock_with_trace(assignment, rater=rater)
        if locked.state == AssignmentState.SUBMITTED:
            raise AlreadySubmitted(gettext("You have submitted this trace already."))
        if not hold_place(locked, now=now):
            raise LeaseExpired(
                gettext("Your lease on this trace ran out, and others have taken it. Your draft is kept.")
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
    return _check_rater(lock_assignment(assignment.pk), rater)


def lock_with_trace(assignment: Assignment, *, rater: Account) -> Assignment:
    """The same, with its trace locked before it. Raises NotYours."""
    return _check_rater(lock_assignment(assignment.pk, trace_id=assignment.trace_id), rater)


def _check_rater(locked: Assignment, rater: Account) -> Assignment:
    if locked.rater_id != rater.pk:
        raise NotYours(gettext("This trace was handed to somebody else."))
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


def _lease_one(asking: Asking, source: random.Random) -> Assignment | None:
    """The assignment that is the rater's now, with its text; None where there is nothing for them."""
    while True:
        try:
            with transaction.atomic():
                desk = look_at_desk(asking)
                asking = asking.seeing(desk)
                if not desk.is_held:
                    continue
                if desk.running is not None:
                    return get_with_text(desk.running)
                if desk.kept is not None:
                    if _take_up(desk.kept, asking):
                        return get_with_text(desk.kept)
                    continue
                draw = draw_trace(project=asking.project, rater=asking.rater, source=source)
                if draw is None:
                    return None
                is_assisted = source.random() < asking.project.assisted_share
                taken = take_place(draw, asking, is_assisted=is_assisted)
                if taken is not None:
                    return taken
                # The trace's flag was stale and no longer is; the next round draws without this trace.
        except AllTaken as all_taken:
            with transaction.atomic():  # waits with nothing else in hand, then draws anew
                lock_trace(all_taken.trace_id)


def _take_up(assignment_id: int, asking: Asking) -> bool:
    """Leases unfinished work again. False where its last place went meanwhile; the flag then says so."""
    kept = Assignment.objects.only("trace").get(pk=assignment_id)
    locked = lock_assignment(assignment_id, trace_id=kept.trace_id)
    if locked.state == AssignmentState.RETURNED and hold_place(
        locked, now=asking.now, is_ahead=asking.is_ahead
    ):
        return True
    refresh_place_flag(kept.trace_id)
    return False


def _end_lease(
    assignment: Assignment, *, rater: Account, state: AssignmentState, reason: str, now: dt.datetime
) -> None:
    with transaction.atomic():
        locked = lock_with_trace(assignment, rater=rater)
        if locked.state == AssignmentState.SUBMITTED:
            raise AlreadySubmitted(gettext("You have submitted this trace already."))
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
