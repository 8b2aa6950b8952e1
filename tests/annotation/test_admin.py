"""Django's admin: for site admins, every table, and nothing that must not be edited."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from annotation.models import Account, ApiToken, AuditEvent, Invitation, Project, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_account,
    make_assignment,
    make_batch,
    make_gold,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db

OURS = [model for name in ("annotation", "exports") for model in apps.get_app_config(name).get_models()]
EDITABLE = {"account", "project"}


def fill_database() -> None:
    trace = make_trace()
    make_rating(trace)
    make_judge_score(trace)
    make_gold(trace)
    make_batch(trace.project)
    member = make_member(trace.project, Role.ADMIN)
    ApiToken.objects.create(
        account=member,
        name="t",
        prefix="gradus_abcde",
        secret_hash="5ecre7",
        scopes=["exports:read"],
        created_at=NOW,
        expires_at=NOW,
    )
    Invitation.objects.create(
        project=trace.project, secret_hash="1nvi7e", created_by=member, created_at=NOW, expires_at=NOW
    )


@pytest.fixture
def site_admin(client: Client) -> Client:
    client.force_login(make_site_admin())
    return client


def test_every_table_of_ours_is_in_the_admin() -> None:
    assert {model for model in OURS if not admin.site.is_registered(model)} == set()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_every_list_and_every_row_opens(site_admin: Client, model: type) -> None:
    fill_database()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"  # type: ignore[attr-defined]

    listed = site_admin.get(reverse(f"{name}_changelist"))
    row = model._default_manager.first()  # type: ignore[attr-defined]
    shown = site_admin.get(reverse(f"{name}_change", args=[row.pk])) if row else listed

    assert (listed.status_code, shown.status_code) == (200, 200)


@pytest.mark.parametrize(
    "model", [m for m in OURS if m._meta.model_name not in EDITABLE], ids=lambda model: model._meta.model_name
)
def test_what_is_evidence_or_has_a_page_of_its_own_is_read_only(model: type, rf: object) -> None:
    model_admin = admin.site._registry[model]
    request = rf.get("/")  # type: ignore[attr-defined]
    request.user = make_site_admin()

    assert not model_admin.has_add_permission(request)
    assert not model_admin.has_change_permission(request)
    assert not model_admin.has_delete_permission(request)


@pytest.mark.parametrize("kind", [kind for kind in VISITORS if kind != "nobody"])
def test_only_site_admins_get_in_whatever_django_calls_staff(kind: str) -> None:
    visitor = make_visitor(kind, make_project())
    Account.objects.update(is_staff=True)

    status = visitor.client.get(reverse("admin:index"), follow=True).status_code

    assert status == (200 if kind == "site admin" else 403)


def test_nobody_is_sent_to_the_one_sign_in_page(client: Client) -> None:
    last = client.get(reverse("admin:index"), follow=True).redirect_chain[-1][0]

    assert last.startswith(reverse("annotation:sign_in"))


def test_a_site_admin_who_comes_from_the_sign_in_page_lands_in_the_admin(site_admin: Client) -> None:
    assert site_admin.get(reverse("admin:login"))["Location"] == reverse("admin:index")


def test_hashes_of_secrets_are_shown_to_nobody(site_admin: Client) -> None:
    fill_database()
    token, invitation = ApiToken.objects.get(), Invitation.objects.get()

    pages = [
        site_admin.get(reverse("admin:annotation_apitoken_change", args=[token.pk])),
        site_admin.get(reverse("admin:annotation_invitation_change", args=[invitation.pk])),
    ]

    assert not [page for page in pages if "5ecre7" in str(page.content) or "1nvi7e" in str(page.content)]


def test_a_site_admin_restores_an_archived_project_and_changes_nothing_else(site_admin: Client) -> None:
    project = make_project(archived_at=NOW, overlap=2)

    site_admin.post(
        reverse("admin:annotation_project_change", args=[project.pk]),
        {"archived_at_0": "", "archived_at_1": "", "overlap": "9", "slug": "taken-over"},
    )

    project.refresh_from_db()
    assert (project.archived_at, project.overlap, Project.objects.filter(slug="taken-over").exists()) == (
        None,
        2,
        False,
    )


def test_a_simulated_rater_is_never_made_a_site_admin(site_admin: Client) -> None:
    account = make_assignment().rater

    answer = site_admin.post(
        reverse("admin:annotation_account_change", args=[account.pk]),
        {"username": account.username, "is_active": "on", "is_superuser": "on", "is_simulated": "on"},
    )

    account.refresh_from_db()
    assert answer.status_code == 200
    assert account.is_superuser is False


@pytest.mark.parametrize(("typed", "num"), [("a brand new one 9", 1), ("short", 0)])
def test_that_a_site_admin_set_a_password_is_in_the_audit_log(
    site_admin: Client, typed: str, num: int
) -> None:
    """With it they could sign in as that person."""
    grace = make_account("grace")
    page = reverse("admin:auth_user_password_change", args=[grace.pk])

    site_admin.get(page)
    site_admin.post(page, {"password1": typed, "password2": typed, "usable_password": "true"})

    events = AuditEvent.objects.filter(verb="set a password as site admin", subject=f"account {grace.pk}")
    assert events.count() == num
    grace.refresh_from_db()
    assert grace.check_password(typed) == bool(num)


class TestForgetting:
    URL = reverse("admin:annotation_account_changelist")

    def ask(self, client: Client, *accounts: Account, **fields: str) -> str:
        body = {"action": "forget_people", "_selected_action": [account.pk for account in accounts], **fields}
        return client.post(self.URL, body, follow=True).content.decode()

    def test_it_is_asked_first_and_then_done_and_recorded(self, site_admin: Client) -> None:
        grace = make_account("grace", email="grace@example.org")

        page = self.ask(site_admin, grace)
        grace.refresh_from_db()
        assert "can’t be undone" in page
        assert grace.username == "grace"
        said = self.ask(site_admin, grace, is_sure="yes")

        grace.refresh_from_db()
        assert f"now of former-{grace.pk}" in said
        assert (grace.username, grace.email, grace.is_active) == (f"former-{grace.pk}", "", False)
        assert AuditEvent.objects.get(verb="forgot a person").actor == Account.objects.get(is_superuser=True)

    def test_who_is_still_needed_stays_and_keeps_nobody_else(self, site_admin: Client) -> None:
        project = make_project(name="Sums")
        needed, other = make_member(project, Role.ADMIN, username="needed"), make_account("other")

        said = self.ask(site_admin, needed, other, is_sure="yes")

        needed.refresh_from_db()
        other.refresh_from_db()
        assert "the only admin of Sums" in said
        assert (needed.username, other.username) == ("needed", f"former-{other.pk}")
