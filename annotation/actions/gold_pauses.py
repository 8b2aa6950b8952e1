"""Pausing raters whose accuracy on gold falls below what their project asks for."""

from __future__ import annotations

import datetime as dt

from annotation.actions.audit import record_event
from annotation.models import Account, Membership, PauseReason, Project, Role
from annotation.queries.gold import get_recent_gold_accuracy
from annotation.rules.gold_accuracy import is_below


def pause_if_inaccurate(*, project: Project, rater: Account, now: dt.datetime) -> bool:
    """Pauses the rater in the project if their latest gold since they were last resumed is below its threshold.

    Called in the transaction that stored a rating of gold. Says whether they were paused now; an admin resumes them.
    """
    if project.gold_threshold is None:
        return False
    membership = Membership.objects.filter(
        project=project, account=rater, role=Role.RATER, paused_at__isnull=True
    ).first()
    if membership is None:
        return False
    accuracy = get_recent_gold_accuracy(
        project, rater, num_latest=project.gold_window, since=membership.resumed_at
    )
    if not is_below(accuracy, threshold=project.gold_threshold, window=project.gold_window):
        return False
    Membership.objects.filter(pk=membership.pk).update(paused_at=now, pause_reason=PauseReason.GOLD)
    record_event(
        actor=None,  # no person did: the project's rule
        verb="paused for accuracy on gold",
        subject=rater,
        now=now,
        project=project,
        num_right=accuracy.num_right,
        num_seen=accuracy.num_seen,
        threshold=project.gold_threshold,
    )
    return True
