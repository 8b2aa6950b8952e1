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


def return_leases(*, rater: Account, now: dt.datetime, project: Project | None = None) -> int:
    """Gives back every place that the rater holds, here or everywhere, on signing out; returns how many.

    Drafts stay, and come first when the rater is back.
    """
    held = Assignment.objects.filter(rater=rater, state=AssignmentState.LEASED)
    if project is not None:
        held = held.filter(trace__project=project)
    leases = list(held)
    for assignment in leases:
        return_lease(assignment=assignment, rater=rater, now=now)
    return len(leases)
