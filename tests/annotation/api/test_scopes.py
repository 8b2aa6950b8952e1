"""What a token reaches: its scopes, and its project."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.views import APIView

from annotation.models import AssignmentState, Rating, Role, TokenScope
from tests.annotation.api.callers import READ, make_caller, send
from tests.factories import make_assignment, make_member, make_project, make_prompt, make_trace

LISTS = {noun: f"/api/v1/{noun}/" for noun in ("projects", "prompts", "traces", "ratings", "exports")}
ONE_PROMPT = [{"text": "1 + 1?"}]


def list_api_views() -> dict[str, type[APIView]]:
    found: dict[str, type[APIView]] = {}

    def walk(patterns: list[Any]) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                view = getattr(pattern.callback, "view_class", None)
                if isinstance(view, type) and issubclass(view, APIView):
                    found[str(pattern.name)] = view
            else:
                walk(pattern.url_patterns)

    walk(get_resolver().url_patterns)
    return found


def test_every_view_of_the_api_names_a_noun_that_scopes_know() -> None:
    nouns = {scope.partition(":")[0] for scope in TokenScope}
    views = list_api_views()

    assert {"prompt_list", "export_file"} <= set(views)
    without = {name for name, view in views.items() if getattr(view, "scope", None) not in nouns}
    assert without == {"schema"}  # the schema is for every token


@pytest.mark.django_db
@pytest.mark.parametrize("noun", LISTS)
def test_a_scope_opens_its_own_noun_and_no_other(noun: str) -> None:
    caller = make_caller(make_member(make_project(), Role.ADMIN), scopes=[TokenScope(f"{noun}:read")])

    answers = {other: caller.get(path).status_code for other, path in LISTS.items()}

    assert answers == {other: 200 if other == noun else 403 for other in LISTS}


@pytest.mark.django_db
def test_a_missing_scope_is_named() -> None:
    project = make_project()
    caller = make_caller(make_member(project, Role.ADMIN), scopes=READ)

    answer = send(caller, LISTS["prompts"], {"project": project.slug, "prompts": ONE_PROMPT})

    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "This token lacks the scope prompts:write. Make one that has it."


@pytest.mark.django_db
def test_writing_includes_reading_the_same() -> None:
    caller = make_caller(make_member(make_project(), Role.ADMIN), scopes=[TokenScope.PROMPTS_WRITE])

    assert caller.get(LISTS["prompts"]).status_code == 200
    assert caller.get(LISTS["traces"]).status_code == 403


@pytest.mark.django_db
def test_a_token_of_one_project_knows_no_other() -> None:
    here = make_project()
    engineer = make_member(here, Role.ADMIN)
    there = make_project()
    there.membership_set.create(account=engineer, role=Role.ADMIN, created_at=here.created_at)
    make_prompt(here), make_prompt(there)
    caller = make_caller(engineer, project=here)

    listed = caller.get(LISTS["prompts"]).json()["results"]
    asked = caller.get(LISTS["prompts"], {"project": there.slug})
    written = send(caller, LISTS["prompts"], {"project": there.slug, "prompts": ONE_PROMPT})

    assert {row["project"] for row in listed} == {here.slug}
    assert [row["slug"] for row in caller.get(LISTS["projects"]).json()["results"]] == [here.slug]
    assert (asked.status_code, written.status_code) == (404, 404)


@pytest.mark.django_db
def test_a_token_of_one_project_rates_nothing_of_another() -> None:
    here, there = make_project(), make_project()
    rater = make_member(there)
    here.membership_set.create(account=rater, role=Role.RATER, created_at=here.created_at)
    trace = make_trace(project=there)
    make_assignment(trace, rater, state=AssignmentState.LEASED)
    body = {"trace": trace.pk, "labels": [1, 1, 1], "idempotency_key": str(uuid4())}

    answer = send(make_caller(rater, project=here), LISTS["ratings"], body)

    assert answer.status_code == 404
    assert not Rating.objects.exists()
