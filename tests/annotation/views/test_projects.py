"""The list of projects, making one, and its settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.forms.projects import ProjectSettingsForm
from annotation.models import Project, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    make_account,
    make_assignment,
    make_member,
    make_project,
    make_prompt,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db

LIST = reverse("annotation:list_projects")
NEW = reverse("annotation:create_project")


def settings_path(project: Project) -> str:
    return reverse("annotation:edit_project", args=[project.slug])


def fill(project: Project, **changes: Any) -> dict[str, Any]:
    """What a browser sends for the form as it stands, with changes; an unchecked box sends nothing."""
    values = {**ProjectSettingsForm.initial_of(project), **changes}
    return {name: "on" if value is True else value for name, value in values.items() if value is not False}


def test_a_person_sees_their_projects_and_no_others(client: Client) -> None:
    mine, other = make_project(name="Mine"), make_project(name="Somebody else's")
    client.force_login(make_member(mine))

    page = client.get(LIST).content.decode()

    assert mine.name in page
    assert other.slug not in page
    assert "New project" not in page


def test_an_empty_list_says_what_to_do_next(client: Client) -> None:
    client.force_login(make_account())
    for_rater = client.get(LIST).content.decode()
    client.force_login(make_site_admin())
    for_owner = client.get(LIST).content.decode()

    assert "Ask whoever runs one for an invitation link" in for_rater
    assert NEW in for_owner


def test_a_site_admin_makes_a_project_and_lands_on_its_settings(client: Client) -> None:
    client.force_login(make_site_admin())

    answer = client.post(NEW, {"name": "Sums", "slug": "Sums-1", "description": "Two terms."})

    project = Project.objects.get()
    assert (project.slug, project.name) == ("sums-1", "Sums")
    assert answer["Location"] == settings_path(project)


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"slug": "a b"}, {"slug": ""}, {"slug": "TAKEN"}, {"name": "x" * 121}]
)
def test_a_bad_new_project_is_explained_and_not_stored(client: Client, change: dict[str, str]) -> None:
    make_project(slug="taken")
    client.force_login(make_site_admin())

    answer = client.post(NEW, {"name": "Sums", "slug": "sums", "description": "", **change})

    assert list(answer.context["form"].errors) == list(change)
    assert Project.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_project_admin_makes_no_projects(client: Client, method: str) -> None:
    client.force_login(make_member(make_project(), Role.ADMIN))

    answer = getattr(client, method)(NEW, {"name": "Sums", "slug": "sums"})

    assert answer.status_code == 403
    assert not Project.objects.filter(slug="sums").exists()


@pytest.mark.parametrize("kind", VISITORS)
def test_only_admins_see_and_change_settings(kind: str) -> None:
    project = make_project()
    visitor = make_visitor(kind, project)

    seen = visitor.client.get(settings_path(project)).status_code
    sent = visitor.client.post(settings_path(project), fill(project, name="Renamed")).status_code
    archived = visitor.client.post(reverse("annotation:archive_project", args=[project.slug])).status_code

    expected = {
        "admin": (200, 302, 302),
        "site admin": (200, 302, 302),
        "outsider": (404,) * 3,
        "paused admin": (404,) * 3,
        "nobody": (302,) * 3,
    }
    assert (seen, sent, archived) == expected.get(kind, (403,) * 3)
    project.refresh_from_db()
    may = kind in {"admin", "site admin"}
    assert (project.name == "Renamed", project.archived_at is not None) == (may, may)


def test_every_setting_is_on_the_form_and_survives_a_save_unchanged() -> None:
    project = make_project(assisted_share=0.125, guidelines="**Look** twice.", stop_at_first_error=False)
    before = Project.objects.values().get()
    client = make_visitor("admin", project).client

    answer = client.post(settings_path(project), fill(project))

    assert answer.status_code == 302
    assert Project.objects.values().get() == before


def test_a_changed_form_changes_the_project() -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    client.post(
        settings_path(project),
        fill(
            project,
            overlap=3,
            assisted_percent="12.5",
            shows_reference=False,
            amend_minutes=0,
            error_categories="Units\r\nLogic\r\n",
        ),
    )

    project.refresh_from_db()
    assert (project.overlap, project.assisted_share, project.amend_minutes) == (3, 0.125, 0)
    assert project.error_categories == ["Units", "Logic"]
    assert project.shows_reference is False


def test_raising_the_overlap_on_the_page_hands_finished_traces_out_again() -> None:
    trace = make_trace(make_prompt(make_project(overlap=1)), wants_ratings=False)
    make_assignment(trace)
    client = make_visitor("admin", trace.project).client

    client.post(settings_path(trace.project), fill(trace.project, overlap=2))

    trace.refresh_from_db()
    assert trace.wants_ratings is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overlap", 0),
        ("overlap", 51),
        ("lease_minutes", 0),
        ("lease_minutes", 1441),
        ("assisted_percent", 101),
        ("assisted_percent", "nan"),
        ("assisted_percent", -1),
        ("name", ""),
        ("name", "nul\x00"),
        ("amend_minutes", -1),
        ("error_categories", "Units\nUNITS"),
    ],
)
def test_a_setting_out_of_range_is_explained_beside_its_field_and_nothing_is_stored(
    field: str, value: object
) -> None:
    project = make_project()
    before = Project.objects.values().get()
    client = make_visitor("admin", project).client

    answer = client.post(settings_path(project), fill(project, **{field: value}))

    assert list(answer.context["form"].errors) == [field]
    assert Project.objects.values().get() == before


def test_htmx_is_led_on_by_a_header() -> None:
    project = make_project()
    client = make_visitor("admin", project).client

    answer = client.post(reverse("annotation:archive_project", args=[project.slug]), HTTP_HX_REQUEST="true")

    assert answer["HX-Redirect"] == LIST


def test_an_archived_project_is_found_by_nobody() -> None:
    project = make_project()
    client = make_visitor("admin", project).client
    client.post(reverse("annotation:archive_project", args=[project.slug]))

    assert client.get(reverse("annotation:show_project", args=[project.slug])).status_code == 404
