"""The people page, invitation links, and joining by one."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.actions import invitations
from annotation.models import Account, Assignment, Invitation, Membership, Project, Role, SelectedBy
from annotation.queries.access import get_roles
from annotation.queries.tokens import hash_secret
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_account,
    make_gold,
    make_member,
    make_project,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
ALLOWED = {"admin", "site admin"}
NEW_PERSON = {
    "username": "ada",
    "display_name": "Ada L.",
    "password": "a long enough one",
    "password_again": "a long enough one",
}
INVITE = {"role": "rater", "note": "for Kofi", "max_uses": "3", "valid_days": "7"}


def people_path(project: Project) -> str:
    return reverse("annotation:list_people", args=[project.slug])


def invite(project: Project, **fields: Any) -> invitations.NewInvitation:
    now = timezone.now()
    defaults: dict[str, Any] = {
        "role": Role.RATER,
        "note": "",
        "expires_at": now + dt.timedelta(days=1),
        "max_uses": 1,
    }
    return invitations.create_invitation(
        **{**defaults, **fields}, project=project, actor=make_site_admin(), now=now
    )


def join_path(made: invitations.NewInvitation) -> str:
    return reverse("annotation:join_project", args=[made.secret])


def expected_status(kind: str, *, allowed: int) -> int:
    if kind in ALLOWED:
        return allowed
    if kind == "nobody":
        return 302
    return 404 if kind in {"outsider", "paused admin"} else 403


@pytest.mark.parametrize("kind", VISITORS)
def test_only_admins_see_who_is_in_a_project(kind: str) -> None:
    project = make_project()
    visitor = make_visitor(kind, project)

    assert visitor.client.get(people_path(project)).status_code == expected_status(kind, allowed=200)


@pytest.mark.parametrize("kind", VISITORS)
@pytest.mark.parametrize(
    "view", ["create_invitation", "revoke_invitation", "grant_role", "pause_membership", "remove_membership"]
)
def test_only_admins_change_who_is_in_a_project(kind: str, view: str) -> None:
    project = make_project()
    make_member(project, Role.ADMIN)
    rater = make_member(project)
    made = invite(project)
    membership = Membership.objects.get(account=rater)
    visitor = make_visitor(kind, project)
    before = (Invitation.objects.count(), sorted(Membership.objects.values_list("pk", "paused_at")))
    subject = {
        "revoke_invitation": [made.invitation.pk],
        "pause_membership": [membership.pk],
        "remove_membership": [membership.pk],
    }
    path = reverse(f"annotation:{view}", args=[project.slug, *subject.get(view, [])])

    answer = visitor.client.post(path, {**INVITE, "account": rater.pk})

    assert answer.status_code == expected_status(kind, allowed=200 if view == "create_invitation" else 302)
    if kind not in ALLOWED:
        made.invitation.refresh_from_db()
        after = (Invitation.objects.count(), sorted(Membership.objects.values_list("pk", "paused_at")))
        assert (after, made.invitation.revoked_at) == (before, None)


def test_an_admin_cannot_reach_into_another_project() -> None:
    mine, other = make_project(), make_project()
    client = make_visitor("admin", mine).client
    make_member(other)
    membership, made = Membership.objects.get(project=other), invite(other)

    pause = client.post(reverse("annotation:pause_membership", args=[mine.slug, membership.pk]))
    revoke = client.post(reverse("annotation:revoke_invitation", args=[mine.slug, made.invitation.pk]))

    membership.refresh_from_db()
    made.invitation.refresh_from_db()
    assert (pause.status_code, revoke.status_code) == (404, 404)
    assert (membership.paused_at, made.invitation.revoked_at) == (None, None)


def test_the_page_names_members_with_role_and_marks_the_simulated_and_the_paused() -> None:
    project = make_project()
    make_member(project, display_name="Robo Rater", is_simulated=True)
    Membership.objects.update(paused_at=NOW)
    client = make_visitor("admin", project).client

    page = client.get(people_path(project)).content.decode()

    assert "Robo Rater" in page
    assert "simulated</span>" in page
    assert "paused</span>" in page


def test_a_new_link_is_shown_once_and_only_its_hash_is_stored() -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    answer = client.post(reverse("annotation:create_invitation", args=[project.slug]), INVITE)

    [made] = answer.context["made"]
    link = made.link
    secret = link.rstrip("/").rsplit("/", 1)[1]
    invitation = Invitation.objects.get()
    assert link in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert invitation.secret_hash == hash_secret(secret)
    assert (invitation.role, invitation.note, invitation.max_uses) == (Role.RATER, "for Kofi", 3)
    assert secret not in client.get(people_path(project)).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [("role", "owner"), ("max_uses", "0"), ("max_uses", "1001"), ("valid_days", "9999"), ("note", "x" * 121)],
)
def test_a_bad_invitation_is_explained_and_not_stored(field: str, value: str) -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    answer = client.post(
        reverse("annotation:create_invitation", args=[project.slug]), {**INVITE, field: value}
    )

    assert field in answer.context["invitation_form"].errors
    assert not Invitation.objects.exists()


def test_htmx_gets_the_part_that_changed_and_not_the_page() -> None:
    project = make_project()
    rater = make_member(project)
    client = make_visitor("admin", project).client
    membership = Membership.objects.get(account=rater)

    pause = client.post(
        reverse("annotation:pause_membership", args=[project.slug, membership.pk]), **HTMX
    ).content.decode()
    made = client.post(
        reverse("annotation:create_invitation", args=[project.slug]), INVITE, **HTMX
    ).content.decode()

    assert pause.strip().startswith('<div class="stack stack-wide" id="members"') and "Resume" in pause
    assert made.strip().startswith('<section id="invitations"') and "/join/" in made


def test_without_htmx_a_change_leads_back_to_the_page() -> None:
    project = make_project()
    rater = make_member(project)
    client = make_visitor("admin", project).client
    membership = Membership.objects.get(account=rater)

    answer = client.post(reverse("annotation:remove_membership", args=[project.slug, membership.pk]))

    assert answer["Location"] == people_path(project)
    assert get_roles(rater, project) == frozenset()


def test_the_last_admin_is_told_why_they_cannot_go() -> None:
    project = make_project()
    visitor = make_visitor("admin", project)
    membership = Membership.objects.get(account=visitor.account)

    answer = visitor.client.post(reverse("annotation:remove_membership", args=[project.slug, membership.pk]))

    assert answer.status_code == 409
    assert "only active admin" in answer.content.decode()
    assert Membership.objects.filter(pk=membership.pk).exists()


def test_a_role_goes_only_to_people_in_the_project() -> None:
    project, stranger = make_project(), make_account()
    rater = make_member(project)
    client = make_visitor("admin", project).client
    path = reverse("annotation:grant_role", args=[project.slug])

    refused = client.post(path, {"account": stranger.pk, "role": "engineer"})
    client.post(path, {"account": rater.pk, "role": "engineer"})

    assert "account" in refused.context["role_form"].errors
    assert get_roles(stranger, project) == frozenset()
    assert get_roles(rater, project) == {Role.RATER, Role.ENGINEER}


def test_a_signed_in_person_joins_with_one_click(client: Client) -> None:
    made, account = invite(make_project(), role=Role.ENGINEER), make_account()
    client.force_login(account)

    page = client.get(join_path(made))
    joined_by_looking = get_roles(account, made.invitation.project)
    answer = client.post(join_path(made))

    assert made.invitation.project.name in page.content.decode()
    assert joined_by_looking == frozenset()
    assert answer["Location"] == reverse("annotation:show_project", args=[made.invitation.project.slug])
    assert get_roles(account, made.invitation.project) == {Role.ENGINEER}


def test_a_new_person_makes_an_account_and_joins_in_one_form(client: Client) -> None:
    made = invite(make_project())

    answer = client.post(join_path(made), NEW_PERSON, follow=True)

    account = Account.objects.get(username="ada")
    assert client.session["_auth_user_id"] == str(account.pk)
    assert f"Welcome to {made.invitation.project.name}." in answer.content.decode()
    assert get_roles(account, made.invitation.project) == {Role.RATER}


def test_a_bad_form_makes_no_account_and_uses_no_place(client: Client) -> None:
    make_account("taken")
    made = invite(make_project())

    for change in ({"username": "TAKEN"}, {"password_again": "differs"}, {"password": "x"}, {"username": ""}):
        assert client.post(join_path(made), {**NEW_PERSON, **change}).context["form"].errors

    made.invitation.refresh_from_db()
    assert made.invitation.num_uses == 0
    assert not Account.objects.filter(username="ada").exists()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("is_signed_in", [True, False])
@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"expires_at": NOW}, "This invitation has expired."),
        ({"num_uses": 1}, "This invitation has been used up."),
        ({"revoked_at": NOW}, "This invitation was withdrawn."),
    ],
)
def test_a_closed_link_says_which_way_and_lets_nobody_in(
    client: Client, state: dict[str, Any], sentence: str, is_signed_in: bool, method: str
) -> None:
    made = invite(make_project())
    Invitation.objects.update(**state)
    if is_signed_in:
        client.force_login(make_account("visitor"))

    answer = getattr(client, method)(join_path(made), NEW_PERSON)

    assert answer.status_code == 410
    assert sentence in answer.content.decode()
    assert not Membership.objects.exists()
    assert not Account.objects.filter(username="ada").exists()


def test_an_unknown_link_is_not_found_and_names_no_project(client: Client) -> None:
    project = make_project(name="Secret plans")

    answer = client.get(reverse("annotation:join_project", args=["no-such-secret"]))

    assert answer.status_code == 404
    assert project.name not in answer.content.decode()


def test_a_paused_member_is_told_to_ask_an_admin(client: Client) -> None:
    made = invite(make_project())
    client.force_login(make_visitor("paused admin", made.invitation.project).account)  # type: ignore[arg-type]
    Membership.objects.update(role=Role.RATER)

    answer = client.post(join_path(made))

    assert answer.status_code == 410
    assert "paused" in answer.content.decode()


def invite_by_mail(client: Client, project: Project, **fields: str) -> str:
    address = reverse("annotation:create_invitation", args=[project.slug])
    return client.post(address, {**INVITE, **fields}).text


@pytest.fixture
def mail_server(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.org"


@pytest.mark.usefixtures("mail_server")
def test_invitations_go_by_mail_each_with_a_link_of_its_own() -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    page = invite_by_mail(
        client, project, emails="ann@example.org, bob@example.org\nann@example.org", max_uses="9"
    )

    assert sorted(message.to[0] for message in mail.outbox) == ["ann@example.org", "bob@example.org"]
    links = {re.search(r"http\S+", message.body)[0] for message in mail.outbox}  # type: ignore[index]
    assert len(links) == 2
    made = Invitation.objects.filter(project=project)
    assert {(one.sent_to, one.max_uses) for one in made} == {("ann@example.org", 1), ("bob@example.org", 1)}
    assert "Sent to ann@example.org." in page
    assert not any(link in page for link in links)  # whoever gets the mail opens it, nobody else

    assert Client().get(links.pop()).status_code == 200


def test_without_a_mail_server_the_link_is_there_to_copy_and_in_no_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project()

    page = invite_by_mail(make_visitor("admin", project).client, project, emails="ann@example.org")

    assert "Not sent to ann@example.org. No mail server is set up." in page
    assert "/join/" in page
    assert not mail.outbox
    assert "/join/" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.usefixtures("mail_server")
def test_what_the_mail_server_refuses_is_said_and_the_link_is_there_to_copy() -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    with patch("annotation.actions.mail.send_mail", side_effect=ConnectionRefusedError):
        page = invite_by_mail(client, project, emails="ann@example.org")

    assert "Not sent to ann@example.org." in page
    assert "/join/" in page


@pytest.mark.parametrize(
    ("emails", "words"),
    [
        ("ann@example.org, nobody", "“nobody” is no e-mail address."),
        (" ".join(f"p{number}@example.org" for number in range(51)), "At most 50 addresses"),
    ],
)
def test_addresses_that_are_none_send_nothing_and_stay_on_the_form(emails: str, words: str) -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    page = invite_by_mail(client, project, emails=emails)

    assert words in page
    assert emails.split()[-1] in page
    assert not mail.outbox
    assert not Invitation.objects.exists()


def test_the_raters_table_shows_quality_with_intervals_and_pauses_in_place() -> None:
    project = make_project()
    rater = make_member(project, display_name="Ann Lee")
    rating = make_rating(make_trace(project=project), rater, active_seconds=75)
    Assignment.objects.filter(pk=rating.assignment_id).update(selected_by=SelectedBy.GOLD)
    make_gold(rating.trace)
    client = make_visitor("admin", project).client
    address = reverse("annotation:list_people", args=[project.slug])

    page = client.get(address).text
    assert "Ann Lee" in page
    assert "21 %–100 %, of 1" in page
    assert "1 min 15 s" in page
    membership = Membership.objects.get(account=rater)
    pause = reverse("annotation:pause_membership", args=[project.slug, membership.pk])
    assert "paused" in client.post(pause, **HTMX).text
    assert client.get(address, {"r-state": "active"}).text.count("Ann Lee") < page.count("Ann Lee")


@pytest.mark.parametrize("visitor", ["rater", "adjudicator", "engineer", "outsider", "nobody"])
@pytest.mark.parametrize("name", ["raters", "members", "invitations"])
def test_no_list_of_people_leaves_as_csv_for_anybody_but_admins(visitor: str, name: str) -> None:
    project = make_project()
    address = reverse("annotation:list_people", args=[project.slug])

    answer = make_visitor(visitor, project).client.get(address, {"csv": name})

    assert answer.status_code in (302, 403, 404)
    assert make_visitor("admin", project).client.get(address, {"csv": name}).streaming
