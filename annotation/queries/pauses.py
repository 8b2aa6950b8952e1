"""Why somebody may not act in a project at present, for themselves and for its admins."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from annotation.models import Account, Membership, PauseReason, Project, Role
from annotation.queries.gold import get_recent_gold_accuracy
from annotation.rules.gold_accuracy import GoldAccuracy


@dataclass(frozen=True)
class Pause:
    """`accuracy` is what it was for, where it was for accuracy on gold."""

    project: Project
    role: Role
    since: dt.datetime
    accuracy: GoldAccuracy | None


def list_pauses(account: Account) -> list[Pause]:
    """Where the account is paused, in projects that are not archived."""
    held = Membership.objects.filter(
        account=account, paused_at__isnull=False, project__archived_at__isnull=True
    ).select_related("project", "account")
    return [pause for membership in held if (pause := describe_pause(membership)) is not None]


def find_pause(account: Account, slug: str) -> Pause | None:
    """Why the account may not rate in the project of this address, if it is paused there as a rater."""
    return next(
        (pause for pause in list_pauses(account) if pause.project.slug == slug and pause.role == Role.RATER),
        None,
    )


def describe_pause(membership: Membership) -> Pause | None:
    """None for a role that is not paused."""
    if membership.paused_at is None:
        return None
    accuracy = None
    if membership.pause_reason == PauseReason.GOLD:
        accuracy = get_recent_gold_accuracy(
            membership.project,
            membership.account,
            num_latest=membership.project.gold_window,
            since=membership.resumed_at,
        )
    return Pause(
        project=membership.project,
        role=Role(membership.role),
        since=membership.paused_at,
        accuracy=accuracy,
    )
