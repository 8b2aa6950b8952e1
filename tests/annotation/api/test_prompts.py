"""/prompts/"""

from __future__ import annotations

from typing import Any

import pytest

from annotation.models import Prompt, Role
from tests.annotation.api.callers import make_caller, send
from tests.factories import make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db

PROMPTS = "/api/v1/prompts/"


@pytest.mark.parametrize(("role", "sees"), [(r, r in (Role.ADMIN, Role.ENGINEER)) for r in Role])
def test_admins_and_engineers_see_prompts_and_others_see_none(role: Role, sees: bool) -> None:
    prompt = make_prompt()
    make_prompt()
    caller = make_caller(make_member(prompt.project, role))

    listed = caller.get(PROMPTS).json()["results"]
    one = caller.get(f"{PROMPTS}{prompt.pk}/")
    named = caller.get(f"{PROMPTS}?project={prompt.project.slug}")

    assert [row["id"] for row in listed] == ([prompt.pk] if sees else [])
    assert one.status_code == (200 if sees else 404)
    assert named.status_code == (200 if sees else 403)


def test_an_outsider_gets_404_for_a_project_and_for_a_prompt() -> None:
    prompt = make_prompt()
    caller = make_caller(make_member(make_project(), Role.ADMIN))

    assert caller.get(f"{PROMPTS}?project={prompt.project.slug}").status_code == 404
    assert caller.get(f"{PROMPTS}{prompt.pk}/").status_code == 404
    assert (
        send(caller, PROMPTS, {"project": prompt.project.slug, "prompts": [{"text": "x"}]}).status_code == 404
    )
    assert Prompt.objects.count() == 1


def test_prompts_are_stored_byte_for_byte_and_once() -> None:
    project = make_project()
    caller = make_caller(make_member(project, Role.ENGINEER))
    text = "  What is 2 + 2?\r\n\n"
    body = {
        "project": project.slug,
        "prompts": [
            {"text": text, "reference_answer": "4", "verifier": "numeric", "origin": "my list, line 3"},
            {"text": "And 3 + 3?"},
            {"text": text},
        ],
    }

    first, again = send(caller, PROMPTS, body), send(caller, PROMPTS, body)

    assert (first.status_code, first.json()) == (201, {"num_stored": 2, "num_duplicates": 1})
    assert again.json() == {"num_stored": 0, "num_duplicates": 3}
    stored = Prompt.objects.get(verifier="numeric")
    assert (stored.text, stored.reference_answer) == (text, "4")
    assert stored.source == {"kind": "api", "origin": "my list, line 3"}


@pytest.mark.parametrize("role", [Role.RATER, Role.ADJUDICATOR])
def test_raters_and_adjudicators_add_no_prompts(role: Role) -> None:
    project = make_project()
    caller = make_caller(make_member(project, role))

    answer = send(caller, PROMPTS, {"project": project.slug, "prompts": [{"text": "x"}]})

    assert answer.status_code == 403
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    "prompts",
    [
        [],
        "text",
        [{}],
        [{"text": ""}],
        [{"text": 3}, "x"],
        [{"text": "nul \x00"}],
        [{"text": "half a pair \ud800"}],
        [{"text": "fine"}, {"text": "   "}],
        [{"text": "fine"}, {"text": "x", "verifier": "no such verifier"}],
        [{"text": "x"}] * 1001,
    ],
)
def test_one_bad_prompt_stores_none(prompts: Any) -> None:
    project = make_project()
    caller = make_caller(make_member(project, Role.ADMIN))

    answer = send(caller, PROMPTS, {"project": project.slug, "prompts": prompts})

    assert answer.status_code == 400
    assert "prompts" in answer.json()["errors"]
    assert not Prompt.objects.exists()


def test_the_refusal_says_which_prompt_is_bad() -> None:
    project = make_project()
    caller = make_caller(make_member(project, Role.ADMIN))
    body = {"project": project.slug, "prompts": [{"text": "fine"}, {"text": "x", "verifier": "no such one"}]}

    assert list(send(caller, PROMPTS, body).json()["errors"]["prompts"]) == ["1"]


def test_a_mistyped_name_is_refused_where_it_stands_instead_of_being_dropped() -> None:
    project = make_project()
    caller = make_caller(make_member(project, Role.ADMIN))
    mistyped = {"text": "2 + 2?", "refrence_answer": "4"}

    answer = send(caller, PROMPTS, {"project": project.slug, "prompts": [{"text": "fine"}, mistyped]})
    at_the_top = send(caller, PROMPTS, {"project": project.slug, "prompts": [{"text": "x"}], "dry_run": True})
    in_the_address = caller.get(PROMPTS, {"langauge": "en"})

    assert answer.json()["errors"]["prompts"]["1"].keys() == {"refrence_answer"}
    assert at_the_top.json()["errors"].keys() == {"dry_run"}
    assert in_the_address.json()["errors"].keys() == {"langauge"}
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({}, ["traced", "brought", "plain"]),
        ({"traced": "true"}, ["traced"]),
        ({"traced": "false"}, ["brought", "plain"]),
        ({"import_run": 7}, ["brought"]),
        ({"import_run": 7, "traced": "true"}, []),
    ],
)
def test_prompts_are_asked_for_by_trace_and_by_import(query: dict[str, Any], texts: list[str]) -> None:
    project = make_project()
    make_trace(make_prompt(project, text="traced"))
    make_prompt(project, text="brought", source={"import": 7, "line": 1})
    make_prompt(project, text="plain")
    caller = make_caller(make_member(project, Role.ENGINEER))

    rows = caller.get("/api/v1/prompts/", query).json()["results"]

    assert [row["text"] for row in rows] == texts
    assert caller.get("/api/v1/prompts/", {"import_run": "all"}).status_code == 400
