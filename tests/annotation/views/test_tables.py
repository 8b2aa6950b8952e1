"""Pages that hold tables: whole, in part for htmx, and as CSV for exactly those who may see them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db
LISTS = {
    "list_prompts": ("prompts", {"engineer", "admin", "site admin"}),
    "list_traces": ("traces", {"adjudicator", "engineer", "admin", "site admin"}),
}


def read_csv(client: Client, project: Project, view: str, query: str = "") -> tuple[int, str]:
    name = LISTS[view][0]
    answer = client.get(f"{reverse(f'annotation:{view}', args=[project.slug])}?csv={name}{query}")
    if not answer.streaming:
        return answer.status_code, ""
    return answer.status_code, b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.fixture
def project() -> Project:
    return make_project(slug="sums")


@pytest.mark.parametrize("view", LISTS)
@pytest.mark.parametrize("visitor", VISITORS)
def test_the_csv_is_for_those_who_may_see_the_page(visitor: str, view: str, project: Project) -> None:
    make_trace(make_prompt(project, text="Apples and pears"))
    make_trace(make_prompt(text="Of another project"))

    status, text = read_csv(make_visitor(visitor, project).client, project, view)

    may = visitor in LISTS[view][1]
    assert (status == 200) == may
    assert ("Apples and pears" in text) == may
    assert "another project" not in text


def test_the_file_is_named_after_project_and_table(project: Project) -> None:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    answer = client.get(reverse("annotation:list_prompts", args=[project.slug]), {"csv": "prompts"})

    assert answer["Content-Disposition"] == 'attachment; filename="sums-prompts.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-store"


def test_a_table_that_the_page_has_not_is_the_page_itself(project: Project) -> None:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    page = client.get(reverse("annotation:list_prompts", args=[project.slug]), {"csv": "accounts"})

    assert page.status_code == 200
    assert "<html" in page.text


def test_only_the_table_that_htmx_asks_for_comes_without_its_page(project: Project) -> None:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    address = reverse("annotation:list_prompts", args=[project.slug])

    part = client.get(address, headers={"HX-Request": "true", "HX-Target": "table-prompts"})
    other = client.get(address, headers={"HX-Request": "true", "HX-Target": "main"})

    assert part.text.strip().startswith('<div class="data-table" id="table-prompts"')
    assert "<html" not in part.text
    assert "<html" in other.text
    assert {"HX-Request", "HX-Target"} <= set(part["Vary"].split(", "))


def test_what_a_model_wrote_is_text_in_cells(project: Project) -> None:
    make_prompt(project, text="<script>alert(1)</script>", reference_answer="<b>7</b>")
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    page = client.get(reverse("annotation:list_prompts", args=[project.slug]), {"q": "<script>"}).text

    assert "<script>alert" not in page
    assert "<b>7" not in page
    assert "&lt;script&gt;" in page
