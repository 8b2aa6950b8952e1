"""Traces leased ahead: while one trace is being rated the next lies ready in the browser, with its place taken.

`lease_next(is_ahead=True)` takes it. It lasts as long as the rater works on the one before, and goes back when they
sign out; otherwise it runs out like any lease.
"""

from __future__ import annotations

import datetime as dt

from annotation.actions.assignments import lease_time, return_lease
from annotation.models import Account, Assignment, AssignmentState, Project


def renew_leases_ahead(*, rater: Account, project: Project, now: dt.datetime) -> None:
    """Starts their time anew: the rater is at work on the trace before."""
    Assignment.objects.filter(
        rater=rater, trace__project=project, state=AssignmentState.LEASED, is_ahead=True
    ).update(expires_at=now + lease_time(project))


def return_leases_ahead(*, rater: Account, now: dt.datetime) -> int:
    """Gives back the places of traces the rater never saw, in all projects; returns how many."""
    ahead = list(Assignment.objects.filter(rater=rater, state=AssignmentState.LEASED, is_ahead=True))
    for assignment in ahead:
        return_lease(assignment=assignment, rater=rater, now=now)
    return len(ahead)
