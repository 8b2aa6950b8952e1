"""Whatever goes wrong, a person gets one sentence and a program gets problem details; never a traceback."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from annotation.models import Role
from tests.factories import make_account, make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(client: Client) -> Client:
    """Sees the answer to a fault, as a browser would, rather than the fault."""
    client.raise_request_exception = False
    client.force_login(make_account())
    return client


def test_a_fault_of_ours_says_so_and_nothing_else(visitor: Client) -> None:
    with patch("annotation.views.projects.build_project_table", side_effect=RuntimeError("secret detail")):
        answer = visitor.get("/")

    assert answer.status_code == 500
    assert "This is our fault" in answer.text
    assert "secret detail" not in answer.text


def test_the_page_for_a_fault_needs_no_database(visitor: Client) -> None:
    with patch("django.db.backends.utils.CursorWrapper.execute", side_effect=OperationalError("gone")):
        answer = visitor.get("/")

    assert answer.status_code == 500
    assert "Nothing was stored" in answer.text


def test_a_fault_in_the_api_is_problem_details(visitor: Client) -> None:
    with patch(
        "annotation.queries.access.Project.objects.visible_to", side_effect=RuntimeError("secret detail")
    ):
        answer = visitor.get("/api/v1/projects/")

    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("This is our fault")


def test_an_address_that_is_none_is_problem_details_in_the_api_and_a_page_elsewhere(visitor: Client) -> None:
    problem, page = visitor.get("/api/v1/nothing/"), visitor.get("/nothing/")

    assert problem.status_code == page.status_code == 404
    assert problem.json()["title"] == "Not Found"
    assert "There is nothing at this address" in page.text


@pytest.mark.parametrize(
    ("limits", "fields"),
    [
        ({"DATA_UPLOAD_MAX_MEMORY_SIZE": 100}, {"name": "x" * 200}),
        ({"DATA_UPLOAD_MAX_NUMBER_FIELDS": 2}, {"a": 1, "b": 2, "c": 3}),
    ],
    ids=["too many bytes", "too many fields"],
)
def test_a_form_that_is_too_large_says_so(
    client: Client, settings: object, limits: dict[str, int], fields: dict[str, object]
) -> None:
    for name, value in limits.items():
        setattr(settings, name, value)
    project = make_project()
    client.force_login(make_member(project, Role.ADMIN))

    answer = client.post(reverse("annotation:edit_project", args=[project.slug]), fields)

    assert answer.status_code == 413
    assert "larger than a form may be" in answer.text


def test_a_browser_that_is_not_understood_is_told_what_to_do(client: Client) -> None:
    answer = client.get("/", headers={"Host": "elsewhere.example"})

    assert answer.status_code == 400
    assert "Check the address" in answer.text
