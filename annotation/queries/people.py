"""The people of a project, and the links that invite more."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from annotation.models import Account, Invitation, Membership, Project, Role
from annotation.queries.tokens import hash_secret


def list_memberships(project: Project) -> list[Membership]:
    """Every role held in the project, admins first, then by name."""
    rank = {
        role: place for place, role in enumerate((Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR, Role.RATER))
    }
    held = Membership.objects.filter(project=project).select_related("account")
    return sorted(held, key=lambda m: (rank[Role(m.role)], m.account.is_simulated, m.account.username))


def list_accounts_in(project: Project) -> QuerySet[Account]:
    """Everyone who holds a role in the project, paused or not."""
    return Account.objects.filter(membership__project=project).distinct().order_by("username")


def list_invitations(project: Project) -> QuerySet[Invitation]:
    """Links that were not revoked; expired and used-up ones included, so that an admin sees why one fails."""
    return Invitation.objects.filter(project=project, revoked_at__isnull=True).select_related("created_by")


def find_invitation(secret: str) -> Invitation | None:
    """The link with this secret, whatever its state."""
    return Invitation.objects.select_related("project").filter(secret_hash=hash_secret(secret)).first()


def name_raters(ids: Collection[int]) -> dict[int, str]:
    """What pages call these raters; programs are told apart."""
    return {
        account.pk: f"{account} (simulated)" if account.is_simulated else str(account)
        for account in Account.objects.filter(pk__in=ids)
    }
