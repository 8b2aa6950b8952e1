"""The audit log's pages: what is in them, for whom, found and exported."""

from __future__ import annotations

import csv
import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.actions.audit import record_event
from annotation.models import Account, Project, Role
from tests.factories import NOW, make_account, make_member, make_project, make_site_admin

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(slug="sums", name="Sums")


@pytest.fixture
def admin(project: Project) -> Account:
    return make_member(project, Role.ADMIN, display_name="Ada")


@pytest.fixture(autouse=True)
def events(project: Project, admin: Account) -> None:
    now = timezone.now()
    rater = make_account(username="rob", display_name="Rob")
    old = now - dt.timedelta(days=60)
    record_event(actor=admin, verb="paused a role", subject=rater, now=now, project=project, role="rater")
    record_event(
        actor=admin, verb="launched a batch", subject="batch 7", now=old, project=project, prompts=[1, 2]
    )
    record_event(actor=None, verb="launched a batch", subject="=batch 8", now=old, project=make_project())


def read(account: Account, path: str, **query: str) -> str:
    client = Client()
    client.force_login(account)
    answer = client.get(path, query)
    assert answer.status_code == 200
    return b"".join(answer).decode() if answer.streaming else answer.content.decode()


def read_project(account: Account, **query: str) -> str:
    return read(account, reverse("annotation:list_events", args=["sums"]), **query)


def test_a_projects_admin_sees_who_did_what_to_what_in_it_alone(admin: Account) -> None:
    page = read_project(admin)

    assert all(
        word in page for word in ("Ada", "paused a role", "Rob (account", "role: rater", "prompts: 1, 2")
    )
    assert "batch 8" not in page


def test_a_site_admin_sees_every_projects_events_and_those_of_none(project: Project) -> None:
    site_admin = make_site_admin()
    record_event(actor=site_admin, verb="added a model", subject="SmolLM2", now=NOW)

    page = read(site_admin, reverse("annotation:list_all_events"))

    assert all(word in page for word in ("batch 7", "batch 8", "Sums", "added a model"))


@pytest.mark.parametrize(
    ("query", "found", "missing"),
    [
        ({"q": "rob"}, "paused a role", "batch 7"),
        ({"q": "ada"}, "batch 7", "nothing"),
        ({"q": "batch 7"}, "batch 7", "paused a role</td>"),
        ({"verb": "launched a batch"}, "batch 7", "Rob (account"),
        ({"days": "30"}, "Rob (account", "batch 7"),
    ],
)
def test_it_is_searched_by_people_and_things_and_filtered_by_what_and_when(
    admin: Account, query: dict[str, str], found: str, missing: str
) -> None:
    page = read_project(admin, **query)

    assert found in page
    assert missing not in page


def test_what_the_filters_let_through_is_exported(admin: Account) -> None:
    lines = list(
        csv.DictReader(read_project(admin, csv="events", days="365", sort="at").lstrip("\ufeff").splitlines())
    )

    # Taking the table is in it, too.
    assert [line["what"] for line in lines] == ["launched a batch", "paused a role", "downloaded a table"]
    assert lines[1]["user_name"] == Account.objects.get(display_name="Ada").username
    assert lines[1]["to"].startswith("Rob (account ")


def test_a_search_for_nothing_there_finds_nothing(admin: Account) -> None:
    assert "paused a role</td>" not in read_project(admin, q="no such thing")


def test_what_is_saved_in_the_administration_is_in_the_log_too(project: Project) -> None:
    site_admin, other = make_site_admin(), make_account(username="olga")
    client = Client()
    client.force_login(site_admin)
    fields = {
        "username": "olga",
        "display_name": "Olga",
        "email": "",
        "is_active": "on",
        "is_superuser": "on",
    }

    changed = client.post(f"/admin/annotation/account/{other.pk}/change/", fields)
    archived = client.post(
        f"/admin/annotation/project/{project.pk}/change/",
        {"archived_at_0": "2026-03-01", "archived_at_1": "12:00"},
    )

    page = read(site_admin, reverse("annotation:list_all_events"))
    assert (changed.status_code, archived.status_code) == (302, 302)
    assert "changed an account as site admin" in page
    assert "is superuser" in page or "is_superuser" in page
    assert "changed a project as site admin" in page
