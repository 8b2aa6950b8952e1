"""Every kind of visitor a page of a project can have, signed in and ready to ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import Client

from annotation.models import Account, Membership, Project, Role
from tests.factories import NOW, make_account, make_member, make_project, make_site_admin

VISITORS = ("rater", "adjudicator", "engineer", "admin", "site admin", "paused admin", "outsider", "nobody")


@dataclass(frozen=True)
class Visitor:
    client: Client
    account: Account | None


def make_visitor(kind: str, project: Project) -> Visitor:
    """A signed-in visitor: one of VISITORS."""
    account = _make_account(kind, project)
    client = Client()
    if account is not None:
        client.force_login(account)
    return Visitor(client, account)


def _make_account(kind: str, project: Project) -> Account | None:
    if kind == "nobody":
        return None
    if kind == "site admin":
        return make_site_admin()
    if kind == "outsider":  # a member elsewhere: an admin even
        return make_member(make_project(), Role.ADMIN)
    if kind == "paused admin":
        account = make_account()
        Membership.objects.create(
            project=project, account=account, role=Role.ADMIN, created_at=NOW, paused_at=NOW
        )
        return account
    return make_member(project, Role(kind))
