"""The pages of prompts: who may open them, what they list."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project, Prompt, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db
MAY = {"engineer", "admin", "site admin"}
STATUS = {"rater": 403, "adjudicator": 403, "paused admin": 404, "outsider": 404, "nobody": 302}


def path(project: Project, view: str = "list_prompts", *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("view", ["list_prompts", "make_prompts", "show_prompt"])
def test_only_those_who_make_traces_see_prompts(visitor: str, view: str, project: Project) -> None:
    args = [make_prompt(project).pk] if view == "show_prompt" else []
    client = make_visitor(visitor, project).client

    response = client.get(path(project, view, *args))

    assert response.status_code == (200 if visitor in MAY else STATUS[visitor])


@pytest.mark.parametrize("visitor", ["rater", "adjudicator", "outsider", "nobody"])
def test_nobody_else_adds_prompts(visitor: str, project: Project) -> None:
    client = make_visitor(visitor, project).client
    client.post(path(project, "make_prompts"), {"data_set": "sums", "count": 1, "seed": 1})

    assert not Prompt.objects.exists()


def test_the_list_shows_prompts_with_their_traces_and_finds_them(maker: Client, project: Project) -> None:
    wanted = make_prompt(project, text="Apples & pears")
    make_prompt(project, text="Oranges")
    make_trace(wanted)

    full = maker.get(path(project), {"q": "apples &"}).content.decode()
    fragment = maker.get(
        path(project), {"q": "apples &"}, headers={"HX-Request": "true", "HX-Target": "table-prompts"}
    ).content.decode()

    assert "Apples &amp; pears" in full
    assert "Oranges" not in full
    assert "<html" in full
    assert "<html" not in fragment
    assert fragment.strip().startswith('<div class="data-table" id="table-prompts"')
    assert '<td class="number">1</td>' in fragment


def test_a_search_survives_turning_the_page(maker: Client, project: Project) -> None:
    for _ in range(51):
        make_prompt(project)

    page = maker.get(path(project), {"q": "Tom has 3 & no"}).content.decode()
    assert "Nothing matches." in page
    page = maker.get(path(project), {"q": "Tom has"}).content.decode()
    assert "?q=Tom+has&amp;page=2" in page


def test_an_empty_project_says_what_to_do_next(maker: Client, project: Project) -> None:
    assert "Upload a file, or have some made" in maker.get(path(project)).content.decode()


def test_prompts_of_another_project_are_not_shown(maker: Client, project: Project) -> None:
    strange = make_prompt()

    assert strange.text not in maker.get(path(project)).content.decode()
    assert maker.get(path(project, "show_prompt", strange.pk)).status_code == 404


def test_a_programming_problem_shows_its_unit_tests_as_they_are_written(
    maker: Client, project: Project
) -> None:
    tests = "def check(candidate):\n    assert candidate(1) <= 2"
    prompt = make_prompt(
        project,
        verifier="code",
        reference_answer="def add(x):\n    return x",
        ground_truth=json.dumps({"tests": f"\n\n{tests}\n", "entry_point": "add"}),
        source={"data_set": "HumanEval"},
    )

    page = maker.get(path(project, "show_prompt", prompt.pk)).content.decode()

    assert '<pre class="sample">def check(candidate):\n    assert candidate(1) &lt;= 2</pre>' in page
    assert '<dd class="as-written" dir="auto">def add(x):\n    return x</dd>' in page
    assert "entry_point" not in page
    assert "<dt>Data set</dt>" in page


def test_a_ground_truth_without_tests_is_shown_as_it_is(maker: Client, project: Project) -> None:
    prompt = make_prompt(project, verifier="code", reference_answer="x", ground_truth='{"tests": ""}')

    page = maker.get(path(project, "show_prompt", prompt.pk)).content.decode()

    assert "Unit tests" not in page
    assert "{&quot;tests&quot;: &quot;&quot;}" in page


def test_a_prompt_shows_its_traces_and_its_source(maker: Client, project: Project) -> None:
    prompt = make_prompt(project, source={"file": "sums.jsonl", "line": 4})
    trace = make_trace(prompt)

    page = maker.get(path(project, "show_prompt", prompt.pk)).content.decode()

    assert "sums.jsonl" in page
    assert path(project, "show_trace", trace.pk) in page


def test_what_a_prompts_author_wrote_cannot_run(maker: Client, project: Project) -> None:
    prompt = make_prompt(project, text="<script>alert(1)</script> and <img src=x onerror=alert(1)>")

    page = maker.get(path(project, "show_prompt", prompt.pk)).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_problems_are_made(maker: Client, project: Project) -> None:
    response = maker.post(
        path(project, "make_prompts"), {"data_set": "sums", "count": 2, "seed": 5}, follow=True
    )

    assert "2 prompts stored." in response.content.decode()
    prompt = Prompt.objects.all()[0]
    assert json.loads(prompt.ground_truth)["dataset"] == "chain_sum"
    again = maker.post(
        path(project, "make_prompts"), {"data_set": "sums", "count": 1, "seed": 5}, follow=True
    )
    assert "0 prompts stored. 1 was there already." in again.content.decode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"data_set": "other", "count": 1, "seed": 1}, "Say which data set."),
        ({"data_set": "other", "other_name": "Not/A name", "count": 1, "seed": 1}, "small letters"),
        (
            {"data_set": "other", "other_name": "no_such_set", "count": 1, "seed": 1},
            "no data set “no_such_set”",
        ),
        ({"data_set": "sums", "count": 99999, "seed": 1}, "less than or equal to 5000"),
    ],
)
def test_what_cannot_be_made_is_said_on_the_form(
    data: dict[str, object], words: str, maker: Client, project: Project
) -> None:
    page = maker.post(path(project, "make_prompts"), data).content.decode()

    assert words in page
    assert not Prompt.objects.exists()
