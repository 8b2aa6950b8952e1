"""/merges/: start, poll, cancel."""

from __future__ import annotations

import pytest

from annotation.models import JobState, MergeRun, Role, TokenScope
from tests.annotation.api.callers import READ, make_caller, send
from tests.exports.worlds import make_world, merge_world
from tests.factories import make_member, make_project

pytestmark = pytest.mark.django_db
MERGES = "/api/v1/merges/"


@pytest.mark.parametrize(("role", "sees"), [(r, r in (Role.ADMIN, Role.ENGINEER)) for r in Role])
def test_admins_and_engineers_see_merges_and_others_see_none(role: Role, sees: bool) -> None:
    world = make_world(1)
    run = merge_world(world)
    merge_world(make_world(1))
    caller = make_caller(make_member(world.project, role))

    assert [row["id"] for row in caller.get(MERGES).json()["results"]] == ([run.pk] if sees else [])
    assert caller.get(f"{MERGES}{run.pk}/").status_code == (200 if sees else 404)
    assert send(caller, f"{MERGES}{run.pk}/cancel/", {}).status_code == (409 if sees else 404)


def test_a_program_starts_a_merge_with_all_that_the_page_offers_and_cancels_it() -> None:
    world = make_world(1)
    caller = make_caller(world.engineer)
    body = {"project": world.project.slug, "policy": "human_only", "recovery": "learned", "use_verdict": True}

    started = send(caller, MERGES, body)
    again = send(caller, MERGES, body)
    cancelled = send(caller, f"{MERGES}{started.json()['id']}/cancel/", {})

    run = MergeRun.objects.get()
    assert started.status_code == 201
    assert (run.policy, run.recovery, run.uses_verdict) == ("human_only", "learned", True)
    assert (again.status_code, f"It is merge {run.pk}." in again.json()["detail"]) == (409, True)
    assert (cancelled.status_code, cancelled.json()["state"], run.state) == (
        200,
        "cancelled",
        JobState.CANCELLED,
    )


def test_a_finished_merge_says_whether_the_verdict_it_was_asked_to_use_entered() -> None:
    world = make_world(1)
    caller = make_caller(world.engineer)
    send(caller, MERGES, {"project": world.project.slug, "use_verdict": True})

    found = caller.get(f"{MERGES}{MergeRun.objects.get().pk}/").json()

    assert (found["uses_verdict"], found["used_verdict"]) == (True, False)


def test_what_cannot_be_merged_is_refused_in_words() -> None:
    engineer = make_member(project := make_project(), Role.ENGINEER)
    caller = make_caller(engineer)

    assert "nothing to merge yet" in send(caller, MERGES, {"project": project.slug}).json()["detail"]
    assert send(caller, MERGES, {"project": project.slug, "policy": "guess"}).json()["errors"].keys() == {
        "policy"
    }
    assert send(caller, MERGES, {"project": project.slug, "recover": "off"}).json()["errors"].keys() == {
        "recover"
    }
    assert not MergeRun.objects.exists()


def test_a_token_needs_the_scopes_of_exports() -> None:
    world = make_world(1)
    body = {"project": world.project.slug}

    for scopes in (READ, (TokenScope.PROMPTS_WRITE,)):
        refused = send(make_caller(world.engineer, scopes=scopes), MERGES, body)
        assert (refused.status_code, "exports:write" in refused.json()["detail"]) == (403, True)
    assert (
        send(make_caller(world.engineer, scopes=(TokenScope.EXPORTS_WRITE,)), MERGES, body).status_code == 201
    )
