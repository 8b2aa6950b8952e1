"""The people of a project: their roles, given, paused and taken away."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from annotation.actions import audit
from annotation.models import Account, Membership, PauseReason, Project, Role
from annotation.queries.people import list_accounts_in


class LastAdmin(Exception):
    """Without this person nobody but a site admin could run the project."""


class NotAMember(Exception):
    """Roles are added to people who already are in the project; others are invited by link."""


def grant_role(
    *, project: Project, account: Account, role: Role, actor: Account, now: dt.datetime
) -> Membership:
    """Gives one more role to someone in the project; one they hold already stays as it is. Raises NotAMember."""
    with transaction.atomic():
        if not list_accounts_in(project).filter(pk=account.pk).exists():
            raise NotAMember(f"{account} is not in this project; send an invitation link.")
        membership, is_new = Membership.objects.get_or_create(
            project=project, account=account, role=role, defaults={"created_at": now}
        )
        if is_new:
            _record(membership, "gave a role", actor=actor, now=now)
    return membership


def pause_membership(*, membership: Membership, actor: Account, now: dt.datetime) -> None:
    """The person can't act in this role until it is resumed; what they did stays. Raises LastAdmin."""
    with transaction.atomic():
        _keep_an_admin(membership, actor=actor)
        if Membership.objects.filter(pk=membership.pk, paused_at__isnull=True).update(
            paused_at=now, pause_reason=PauseReason.ADMIN
        ):
            _record(membership, "paused a role", actor=actor, now=now)


def resume_membership(*, membership: Membership, actor: Account, now: dt.datetime) -> None:
    """The person acts in this role again. Gold they rated before counts towards no further pause."""
    with transaction.atomic():
        if Membership.objects.filter(pk=membership.pk, paused_at__isnull=False).update(
            paused_at=None, resumed_at=now
        ):
            _record(membership, "resumed a role", actor=actor, now=now)


def remove_membership(*, membership: Membership, actor: Account, now: dt.datetime) -> None:
    """Takes the role away. Ratings stay, with their rater's name. Raises LastAdmin."""
    with transaction.atomic():
        _keep_an_admin(membership, actor=actor)
        num_removed, _ = Membership.objects.filter(pk=membership.pk).delete()
        if num_removed:
            _record(membership, "removed a role", actor=actor, now=now)


def _keep_an_admin(membership: Membership, *, actor: Account) -> None:
    """Two admins who remove each other at once must not both succeed, hence the lock on the project."""
    if membership.role != Role.ADMIN or actor.is_superuser:
        return
    Project.objects.select_for_update(no_key=True).get(pk=membership.project_id)
    others = Membership.objects.filter(
        project=membership.project_id, role=Role.ADMIN, paused_at__isnull=True, account__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastAdmin("This is the project's only active admin; make someone else admin first.")


def _record(membership: Membership, verb: str, *, actor: Account, now: dt.datetime) -> None:
    audit.record_event(
        actor=actor,
        verb=verb,
        subject=membership.account,
        role=membership.role,
        project=membership.project,
        now=now,
    )
