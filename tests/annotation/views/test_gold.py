"""The page of gold, and bringing gold by file and by API."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotation.models import Gold, Project, Role, Trace
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import make_gold, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db

ROW = {"prompt": "2 + 2?", "steps": ["2 + 2 = 5."], "first_error": 0}


@pytest.fixture
def project() -> Project:
    return make_project()


def page_of(project: Project) -> str:
    return reverse("annotation:list_gold", args=[project.slug])


def upload(client: Client, project: Project, text: str) -> object:
    return client.post(page_of(project), {"file": SimpleUploadedFile("gold.jsonl", text.encode())})


@pytest.mark.parametrize("kind", VISITORS)
def test_only_who_makes_gold_sees_it(project: Project, kind: str) -> None:
    make_gold(make_trace(make_prompt(project)))
    expected = {
        "admin": 200,
        "site admin": 200,
        "adjudicator": 200,
        "rater": 403,
        "engineer": 403,
        "nobody": 302,
    }

    assert make_visitor(kind, project).client.get(page_of(project)).status_code == expected.get(kind, 404)


def test_the_page_lists_gold_with_its_first_error(client: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project, text="How many apples?"))
    make_gold(trace, (True, False, False))
    client.force_login(make_member(project, Role.ADMIN))

    page = client.get(page_of(project)).content.decode()

    assert "How many apples?" in page
    assert "step 2" in page
    assert "Nobody has rated gold yet." in page


def test_a_file_of_gold_is_taken(client: Client, project: Project) -> None:
    client.force_login(make_member(project, Role.ADJUDICATOR))

    answer = upload(client, project, json.dumps(ROW))

    assert answer["Location"] == page_of(project)  # type: ignore[index]
    assert "1 traces are gold now." in client.get(page_of(project)).content.decode()
    assert Gold.objects.get().stands == [False]


@pytest.mark.parametrize(
    ("text", "reason"), [("{}", "Row 1: “first_error” is missing"), ("x", "not a JSON object")]
)
def test_a_bad_file_is_explained_where_it_was_chosen(
    client: Client, project: Project, text: str, reason: str
) -> None:
    client.force_login(make_member(project, Role.ADMIN))

    answer = upload(client, project, text)

    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert reason in answer.content.decode()  # type: ignore[attr-defined]
    assert "Nothing was stored." in answer.content.decode()  # type: ignore[attr-defined]
    assert not Gold.objects.exists()


def test_the_api_takes_gold_and_names_a_bad_one(client: Client, project: Project) -> None:
    client.force_login(make_member(project, Role.ADMIN))
    url = reverse("api:gold_list")

    taken = client.post(url, {"project": project.slug, "gold": [ROW]}, content_type="application/json")
    bad = client.post(url, {"project": project.slug, "gold": [ROW, {}]}, content_type="application/json")

    assert (taken.status_code, taken.json()) == (201, {"num_made": 1, "num_known": 0})
    assert bad.status_code == 400
    assert "1" in bad.json()["errors"]["gold"]
    assert Trace.objects.count() == 1


@pytest.mark.parametrize(("role", "status"), [(Role.RATER, 403), (Role.ENGINEER, 403), (None, 404)])
def test_the_api_takes_none_from_others(
    client: Client, project: Project, role: Role | None, status: int
) -> None:
    client.force_login(make_member(project if role else make_project(), role or Role.ADMIN))

    answer = client.post(
        reverse("api:gold_list"), {"project": project.slug, "gold": [ROW]}, content_type="application/json"
    )

    assert answer.status_code == status
    assert not Gold.objects.exists()
