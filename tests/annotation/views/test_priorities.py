"""The page of priorities: a filter over prompts, and what holds for what it finds."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Priority, Project, Prompt, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def page_of(project: Project) -> str:
    return reverse("annotation:set_priorities", args=[project.slug])


@pytest.mark.parametrize("kind", VISITORS)
def test_only_admins_set_priorities(project: Project, kind: str) -> None:
    refusals = {"rater": 403, "adjudicator": 403, "engineer": 403, "nobody": 302}
    expected = 200 if kind in ("admin", "site admin") else refusals.get(kind, 404)

    assert make_visitor(kind, project).client.get(page_of(project)).status_code == expected


def test_the_filter_picks_the_prompts_that_change(client: Client, project: Project) -> None:
    apples = make_prompt(project, text="Apples and pears")
    coded = make_prompt(project, text="Apples in code", verifier="exact")
    pears = make_prompt(project, text="Pears")
    client.force_login(make_member(project, Role.ADMIN))

    sent = {"text": "apples", "verifier": "numeric", "held_as": "", "priority": str(Priority.FIRST.value)}
    answer = client.post(page_of(project), sent)

    assert answer["Location"] == page_of(project)
    assert dict(Prompt.objects.values_list("pk", "priority")) == {
        apples.pk: Priority.FIRST,
        coded.pk: Priority.USUAL,
        pears.pk: Priority.USUAL,
    }
    assert "Changed 1 prompt to “First”." in client.get(page_of(project)).content.decode()


def test_prompts_are_picked_by_their_present_priority_too(client: Client, project: Project) -> None:
    held, usual = make_prompt(project, priority=Priority.HELD), make_prompt(project)
    client.force_login(make_member(project, Role.ADMIN))

    sent = {"held_as": str(Priority.HELD.value), "priority": str(Priority.LAST.value)}
    client.post(page_of(project), sent)

    assert set(Prompt.objects.values_list("pk", "priority")) == {
        (held.pk, Priority.LAST),
        (usual.pk, Priority.USUAL),
    }


@pytest.mark.parametrize("change", [{"priority": "9"}, {"verifier": "none such"}, {"held_as": "x"}])
def test_what_is_no_choice_changes_nothing(client: Client, project: Project, change: dict[str, str]) -> None:
    prompt = make_prompt(project)
    client.force_login(make_member(project, Role.ADMIN))

    answer = client.post(page_of(project), {"priority": "3", **change})

    assert answer.status_code == 422
    prompt.refresh_from_db()
    assert prompt.priority == Priority.USUAL


def test_the_page_counts_prompts_and_open_traces_of_each_priority(client: Client, project: Project) -> None:
    make_trace(make_prompt(project))
    make_trace(make_prompt(project, priority=Priority.FIRST), priority=Priority.FIRST)
    client.force_login(make_member(project, Role.ADMIN))

    counts = client.get(page_of(project)).context["counts"]

    assert [(row.priority.label, row.num_prompts, row.num_open) for row in counts] == [
        ("First", 1, 1),
        ("As usual", 1, 1),
        ("Last", 0, 0),
        ("Held back", 0, 0),
    ]
