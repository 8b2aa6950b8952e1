"""Invitation links: whoever opens one becomes a member, as often as the link allows.

Only the SHA-256 of a link's secret is stored. A use is counted under the link's row lock, so a link for one person
makes one member however many open it at once.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from annotation.actions import audit
from annotation.actions.accounts import save_with_free_name
from annotation.models import Account, Invitation, Membership, Project, Role
from annotation.queries.people import find_invitation
from annotation.queries.tokens import hash_secret

_SECRET_BYTES = 24


class InvitationUnknown(Exception):
    """No link has this secret, or its project is archived."""


class InvitationClosed(Exception):
    """The link was good once; the subclass and its sentence say what ended it."""


class InvitationRevoked(InvitationClosed):
    """An admin withdrew it."""


class InvitationExpired(InvitationClosed):
    """Its time is over."""


class InvitationUsedUp(InvitationClosed):
    """As many people joined by it as it was made for."""


class MembershipPaused(Exception):
    """The person holds the role already, paused: a link must not undo what an admin did."""


@dataclass(frozen=True)
class NewInvitation:
    """A stored invitation, and the secret that nothing will tell again."""

    invitation: Invitation
    secret: str


def create_invitation(
    *,
    project: Project,
    role: Role,
    note: str,
    expires_at: dt.datetime,
    max_uses: int,
    actor: Account,
    now: dt.datetime,
    sent_to: str = "",
) -> NewInvitation:
    """A new link; `sent_to` is where it will be sent, if by e-mail."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            project=project,
            role=role,
            secret_hash=hash_secret(secret),
            note=note,
            sent_to=sent_to,
            created_by=actor,
            created_at=now,
            expires_at=expires_at,
            max_uses=max_uses,
        )
        audit.record_event(
            actor=actor, verb="made an invitation", subject=invitation, project=project, now=now, role=role
        )
    return NewInvitation(invitation, secret)


def revoke_invitation(*, invitation: Invitation, actor: Account, now: dt.datetime) -> None:
    """The link stops working at once; who joined by it stays. Revoking it again changes nothing."""
    with transaction.atomic():
        if Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=now):
            audit.record_event(
                actor=actor,
                verb="revoked an invitation",
                subject=invitation,
                project=invitation.project,
                now=now,
            )


def get_open_invitation(*, secret: str, now: dt.datetime) -> Invitation:
    """The invitation with this secret, if one may join by it now.

    Raises InvitationUnknown or the InvitationClosed that says why not.
    """
    invitation = find_invitation(secret)
    if invitation is None or invitation.project.archived_at is not None:
        raise InvitationUnknown(gettext("This is no invitation link; a letter of it may be missing."))
    _check_open(invitation, now=now)
    return invitation


def accept_invitation(*, invitation: Invitation, account: Account, now: dt.datetime) -> Membership:
    """Makes a signed-in person a member; one who holds the role already uses nothing up.

    Raises InvitationClosed (also where another took the last place in this moment) and MembershipPaused.
    """
    with transaction.atomic():
        held = Membership.objects.filter(
            project=invitation.project_id, account=account, role=invitation.role
        ).first()
        if held is None:
            return _join(invitation, account, now=now)
    if held.paused_at is not None:
        raise MembershipPaused(
            gettext("You are in this project, but paused. Ask one of its admins to resume you.")
        )
    return held


def join_with_new_account(
    *, invitation: Invitation, username: str, display_name: str, password: str, now: dt.datetime
) -> Account:
    """Makes an account and its membership, or neither.

    `password` has passed the validators. Raises UserNameTaken (of actions.accounts) and InvitationClosed.
    """
    with transaction.atomic():
        account = Account(username=username, display_name=display_name)
        account.set_password(password)
        save_with_free_name(account)
        _join(invitation, account, now=now)
    return account


def _join(invitation: Invitation, account: Account, *, now: dt.datetime) -> Membership:
    locked = Invitation.objects.select_for_update().select_related(None).get(pk=invitation.pk)
    _check_open(locked, now=now)
    membership, is_new = Membership.objects.get_or_create(
        project_id=locked.project_id, account=account, role=locked.role, defaults={"created_at": now}
    )
    if is_new:  # else the same person joined in another window while this one waited for the lock
        locked.num_uses += 1
        locked.save(update_fields=["num_uses"])
        audit.record_event(
            actor=account, verb="joined", subject=locked, project=locked.project, now=now, role=locked.role
        )
    return membership


def _check_open(invitation: Invitation, *, now: dt.datetime) -> None:
    if invitation.revoked_at is not None:
        raise InvitationRevoked(gettext("This invitation was withdrawn. Ask whoever sent it for a new one."))
    if invitation.expires_at <= now:
        raise InvitationExpired(gettext("This invitation has expired. Ask whoever sent it for a new one."))
    if invitation.num_uses >= invitation.max_uses:
        raise InvitationUsedUp(
            gettext("This invitation has been used up. Ask whoever sent it for a new one.")
        )
