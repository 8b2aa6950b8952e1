"""Invitation links: who may join by one, and how often."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection

from annotation.actions import invitations
from annotation.actions.accounts import UserNameTaken
from annotation.models import Account, Invitation, Membership, Project, Role
from annotation.queries.access import get_roles
from tests.factories import NOW, make_account, make_member, make_project, make_site_admin

LATER = NOW + dt.timedelta(days=7)
NEW_PERSON = {"username": "ada", "display_name": "Ada L.", "password": "a long enough one"}


def invite(project: Project | None = None, **fields: Any) -> invitations.NewInvitation:
    project = project or make_project()
    defaults: dict[str, Any] = {"role": Role.RATER, "note": "", "expires_at": LATER, "max_uses": 1}
    return invitations.create_invitation(
        **{**defaults, **fields, "project": project, "actor": make_site_admin(), "now": NOW}
    )


def join(made: invitations.NewInvitation, account: Account, now: dt.datetime = NOW) -> Membership:
    found = invitations.get_open_invitation(secret=made.secret, now=now)
    return invitations.accept_invitation(invitation=found, account=account, now=now)


@pytest.mark.django_db
def test_whoever_opens_the_link_gets_its_role() -> None:
    made, account = invite(role=Role.ENGINEER), make_account()

    join(made, account)

    assert get_roles(account, made.invitation.project) == {Role.ENGINEER}


@pytest.mark.django_db
def test_the_secret_is_stored_nowhere() -> None:
    made = invite()

    assert made.secret not in str(Invitation.objects.filter(pk=made.invitation.pk).values().get())


@pytest.mark.django_db
def test_two_links_never_share_a_secret() -> None:
    project = make_project()

    assert invite(project).secret != invite(project).secret


@pytest.mark.django_db
def test_a_link_for_one_person_is_used_up_by_one() -> None:
    made = invite()
    join(made, make_account())

    with pytest.raises(invitations.InvitationUsedUp):
        join(made, make_account())

    assert Membership.objects.count() == 1


@pytest.mark.django_db
def test_joining_twice_uses_one_place() -> None:
    made, account = invite(max_uses=2), make_account()

    join(made, account)
    join(made, account)

    made.invitation.refresh_from_db()
    assert made.invitation.num_uses == 1


@pytest.mark.django_db
def test_a_link_expires_at_its_time() -> None:
    made, account = invite(), make_account()

    with pytest.raises(invitations.InvitationExpired):
        join(made, account, now=LATER)

    assert join(made, account, now=LATER - dt.timedelta(seconds=1)).account == account


@pytest.mark.django_db
def test_a_withdrawn_link_lets_nobody_in_and_keeps_who_joined() -> None:
    made, early = invite(max_uses=5), make_account()
    join(made, early)

    invitations.revoke_invitation(invitation=made.invitation, actor=make_site_admin(), now=NOW)

    with pytest.raises(invitations.InvitationRevoked):
        join(made, make_account())
    assert get_roles(early, made.invitation.project) == {Role.RATER}


@pytest.mark.django_db
@pytest.mark.parametrize("secret", ["", "x", "ä" * 50])
def test_an_unknown_secret_opens_nothing(secret: str) -> None:
    with pytest.raises(invitations.InvitationUnknown):
        invitations.get_open_invitation(secret=secret, now=NOW)


@pytest.mark.django_db
def test_a_link_to_an_archived_project_opens_nothing() -> None:
    made = invite(make_project(archived_at=NOW))

    with pytest.raises(invitations.InvitationUnknown):
        invitations.get_open_invitation(secret=made.secret, now=NOW)


@pytest.mark.django_db
def test_a_link_does_not_undo_a_pause() -> None:
    made = invite()
    paused = make_member(made.invitation.project)
    Membership.objects.filter(account=paused).update(paused_at=NOW)

    with pytest.raises(invitations.MembershipPaused):
        join(made, paused)

    made.invitation.refresh_from_db()
    assert (get_roles(paused, made.invitation.project), made.invitation.num_uses) == (frozenset(), 0)


@pytest.mark.django_db
def test_a_new_person_gets_an_account_and_the_role_in_one_go() -> None:
    made = invite()

    account = invitations.join_with_new_account(invitation=made.invitation, now=NOW, **NEW_PERSON)

    assert account.check_password("a long enough one")
    assert (account.is_staff, account.is_superuser) == (False, False)
    assert get_roles(account, made.invitation.project) == {Role.RATER}


@pytest.mark.django_db
def test_a_taken_user_name_leaves_no_member_and_uses_no_place() -> None:
    made = invite()
    make_account("ADA")

    with pytest.raises(UserNameTaken):
        invitations.join_with_new_account(invitation=made.invitation, now=NOW, **NEW_PERSON)

    made.invitation.refresh_from_db()
    assert (Membership.objects.count(), made.invitation.num_uses) == (0, 0)


@pytest.mark.django_db
def test_a_used_up_link_makes_no_account() -> None:
    made = invite()
    join(made, make_account())

    with pytest.raises(invitations.InvitationUsedUp):
        invitations.join_with_new_account(invitation=made.invitation, now=NOW, **NEW_PERSON)

    assert not Account.objects.filter(username="ada").exists()


@pytest.mark.django_db(transaction=True)
def test_of_six_people_who_open_a_link_for_two_at_once_two_get_in() -> None:
    made = invite(max_uses=2)
    people = [make_account() for _ in range(6)]
    start, outcomes = threading.Barrier(len(people)), []

    def open_link(account: Account) -> None:
        try:
            start.wait()
            invitations.accept_invitation(invitation=made.invitation, account=account, now=NOW)
            outcomes.append("in")
        except invitations.InvitationUsedUp:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=open_link, args=(account,)) for account in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made.invitation.refresh_from_db()
    assert sorted(outcomes) == ["in"] * 2 + ["refused"] * 4
    assert (made.invitation.num_uses, Membership.objects.count()) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_one_person_in_two_windows_at_once_uses_one_place() -> None:
    made, account = invite(max_uses=5), make_account()
    start, failures = threading.Barrier(2), []

    def open_link() -> None:
        try:
            start.wait()
            invitations.accept_invitation(invitation=made.invitation, account=account, now=NOW)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=open_link) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made.invitation.refresh_from_db()
    assert failures == []
    assert (made.invitation.num_uses, Membership.objects.count()) == (1, 1)
