"""/exports/: start, poll, download."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import Role
from exports import actions
from exports.models import Export
from tests.annotation.api.callers import READ, make_caller, send
from tests.exports.worlds import make_world, merge_world, start_export, write_export
from tests.factories import NOW, make_member, make_project

pytestmark = pytest.mark.django_db
EXPORTS = "/api/v1/exports/"


@pytest.mark.parametrize(("role", "sees"), [(r, r in (Role.ADMIN, Role.ENGINEER)) for r in Role])
def test_admins_and_engineers_see_exports_and_others_see_none(role: Role, sees: bool) -> None:
    world = make_world(1)
    export = write_export(start_export(world))
    write_export(start_export(make_world(1)))
    caller = make_caller(make_member(world.project, role))

    listed = caller.get(EXPORTS).json()["results"]

    assert [row["id"] for row in listed] == ([export.pk] if sees else [])
    for path in ("", "archive.zip", "files/README.md"):
        assert caller.get(f"{EXPORTS}{export.pk}/{path}").status_code == (200 if sees else 404)


def test_a_program_starts_polls_and_downloads() -> None:
    world = make_world(12)
    caller = make_caller(world.engineer)

    started = send(caller, EXPORTS, {"project": world.project.slug, "configs": ["stepwise", "sft"]})
    assert started.status_code == 201
    assert started.json()["state"] == "queued"
    export = Export.objects.get(pk=started.json()["id"])
    write_export(export)
    polled = caller.get(f"{EXPORTS}{export.pk}/").json()

    assert polled["state"] == "finished"
    assert polled["manifest"]["format"] == 1
    for name in polled["files"]:
        answer = caller.get(f"{EXPORTS}{export.pk}/files/{name}")
        assert b"".join(answer.streaming_content) == (actions.folder_of(export) / name).read_bytes()
    part = caller.get(f"{EXPORTS}{export.pk}/files/manifest.json", headers={"range": "bytes=0-0"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"{")


@pytest.mark.parametrize(
    ("state", "said"),
    [("queued", ""), ("running", "Verifying: SFT"), ("failed", ""), ("cancelled", "")],
)
def test_only_a_running_export_says_what_is_being_done(state: str, said: str) -> None:
    world = make_world(1)
    export = start_export(world)
    ended = None if state in ("queued", "running") else NOW
    Export.objects.filter(pk=export.pk).update(
        state=state, progress="Verifying: SFT", finished_at=ended, error="No." if state == "failed" else ""
    )

    polled = make_caller(world.engineer).get(f"{EXPORTS}{export.pk}/").json()

    assert (polled["state"], polled["progress"]) == (state, said)


def test_a_finished_export_is_at_nothing_any_more() -> None:
    world = make_world(2)
    export = write_export(start_export(world))
    Export.objects.filter(pk=export.pk).update(progress="Verifying: SFT")

    assert make_caller(world.engineer).get(f"{EXPORTS}{export.pk}/").json()["progress"] == ""


def test_a_policy_and_a_merge_run_can_be_chosen() -> None:
    world = make_world(1)
    run = merge_world(world)
    body = {
        "project": world.project.slug,
        "configs": ["sft"],
        "form": "conversational",
        "merge_run": run.pk,
        "policy": {"minimum_raters": 1, "evidence": ["human"], "seed": 7},
    }

    made = send(make_caller(world.engineer), EXPORTS, body).json()

    export = Export.objects.get(pk=made["id"])
    assert (export.merge_run, export.form) == (run, "conversational")
    assert (made["policy"]["minimum_raters"], made["policy"]["seed"]) == (1, 7)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"configs": ["poems"]}, "configs"),
        ({"configs": []}, "configs"),
        ({"merge_run": 10**9}, "merge_run"),
        ({"policy": {"good_from": 0.1, "bad_to": 0.5}}, "policy"),
        ({"policy": {"seed": -1}}, "policy"),
        ({"form": "verse"}, "form"),
    ],
)
def test_a_wrong_field_is_named(changed: dict[str, Any], field: str) -> None:
    world = make_world(1)
    body = {"project": world.project.slug, "configs": ["sft"], **changed}

    answer = send(make_caller(world.engineer), EXPORTS, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert field in answer.json()["errors"]
    assert not Export.objects.exists()


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"confgs": ["sft"]}, {"confgs"}),
        ({"minimum_raters": 3, "seed": 1}, {"minimum_raters", "seed"}),
        ({"policy": {"minimun_raters": 3}}, {"policy"}),
    ],
)
def test_a_name_that_the_api_does_not_know_is_refused_under_that_name(
    changed: dict[str, Any], errors: set[str]
) -> None:
    world = make_world(1)
    body = {"project": world.project.slug, "configs": ["sft"], **changed}

    answer = send(make_caller(world.engineer), EXPORTS, body)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    found = answer.json()["errors"]
    assert set(found) == errors
    inner = found.get("policy", found)
    assert all("There is no such field here." in sentences[0] for sentences in inner.values())
    assert "minimun_raters" in inner or "policy" not in errors
    assert not Export.objects.exists()


def test_a_filter_that_a_list_does_not_know_is_refused_rather_than_giving_everything() -> None:
    world = make_world(1)
    caller = make_caller(world.engineer)

    assert caller.get(EXPORTS, {"projct": world.project.slug}).json()["errors"].keys() == {"projct"}
    assert caller.get(EXPORTS, {"project": world.project.slug, "page_size": 2}).status_code == 200


def test_a_merge_under_way_by_another_policy_is_a_conflict() -> None:
    world = make_world(1)
    merges.start_merge(project=world.project, policy=MergePolicy("majority"), actor=world.engineer, now=NOW)

    answer = send(make_caller(world.engineer), EXPORTS, {"project": world.project.slug, "configs": ["sft"]})

    assert answer.status_code == 409
    assert "by the policy majority" in answer.json()["detail"]


def test_nothing_to_merge_is_a_conflict() -> None:
    project = make_project()
    caller = make_caller(make_member(project, Role.ADMIN))

    answer = send(caller, EXPORTS, {"project": project.slug, "configs": ["sft"]})

    assert answer.status_code == 409
    assert "nothing to merge" in answer.json()["detail"]


def test_a_token_that_may_only_read_starts_nothing() -> None:
    world = make_world(1)
    caller = make_caller(world.engineer, scopes=READ)

    assert send(caller, EXPORTS, {"project": world.project.slug, "configs": ["sft"]}).status_code == 403
    assert not Export.objects.exists()


@pytest.mark.parametrize("role", [Role.RATER, Role.ADJUDICATOR])
def test_others_start_nothing(role: Role) -> None:
    world = make_world(1)
    caller = make_caller(make_member(world.project, role))

    assert send(caller, EXPORTS, {"project": world.project.slug, "configs": ["sft"]}).status_code == 403
    assert not Export.objects.exists()


def test_an_outsider_starts_nothing() -> None:
    world = make_world(1)
    caller = make_caller(make_member(make_project(), Role.ADMIN))

    assert send(caller, EXPORTS, {"project": world.project.slug, "configs": ["sft"]}).status_code == 404


def test_a_file_that_is_not_there_is_a_problem_in_words() -> None:
    world = make_world(1)
    export = start_export(world)
    caller = make_caller(world.engineer)

    missing = caller.get(f"{EXPORTS}{export.pk}/files/README.md")

    assert (missing.status_code, missing.json()["detail"]) == (404, "This export has no such file.")
    assert caller.get(f"{EXPORTS}{export.pk}/archive.zip").status_code == 404
    unfound = caller.get(f"{EXPORTS}{export.pk + 1}/").json()["detail"]
    assert unfound.startswith(
        "There is no such export, or it reaches beyond the projects that you or your token"
    )
