"""/exports/preview/, cancel/ and pushes/: what the pages do, a program does."""

from __future__ import annotations

import json

import pytest
from django.conf import LazySettings

from annotation.merging.data import MergePolicy
from annotation.models import JobState, Role
from annotation.queries.merge_runs import policy_of
from exports.models import Export, HubPush
from exports.policy import CONFIGS, ExportPolicy
from exports.preview import preview_export
from tests.annotation.api.callers import make_caller, send
from tests.exports.worlds import make_world, merge_world, start_export, write_export
from tests.factories import make_member

pytestmark = pytest.mark.django_db
EXPORTS = "/api/v1/exports/"


def test_the_preview_says_what_the_pages_preview_says_and_starts_nothing() -> None:
    world = make_world(6)
    run = merge_world(world)
    body = {"project": world.project.slug, "configs": list(CONFIGS), "policy": {"minimum_raters": 3}}

    answer = send(make_caller(world.engineer), f"{EXPORTS}preview/", body)

    found = answer.json()
    seen = preview_export(world.project, None, ExportPolicy(minimum_raters=3), CONFIGS, "standard")
    assert answer.status_code == 200
    assert (found["merge_run"], found["is_of_latest"], found["other_policy"]) == (run.pk, True, "")
    assert [config["config"] for config in found["configs"]] == list(CONFIGS)
    assert found["hints"] == list(seen.hints)
    for told, one in zip(found["configs"], seen.configs, strict=True):
        assert told["splits"] == dict(one.splits)
        assert (told["labels"], told["provenance"]) == (dict(one.labels), dict(one.provenance))
        assert [(row["num_rows"], row["reason"]) for row in told["left_out"]] == list(one.left_out)
        assert told["columns"] == dict(one.columns)
        assert told["samples"] == list(one.samples)
    assert json.loads(found["configs"][-1]["samples"][0])["step"] == 0
    assert not Export.objects.exists()


def test_before_the_first_merge_the_preview_counts_what_there_is_to_merge() -> None:
    world = make_world(2)

    found = send(
        make_caller(world.engineer), f"{EXPORTS}preview/", {"project": world.project.slug, "configs": ["sft"]}
    ).json()

    assert (found["merge_run"], found["configs"]) == (None, [])
    assert found["evidence"] == {"num_traces": 6, "num_rated": 4, "num_rated_twice": 4, "num_judged": 1}


def test_a_fresh_merge_takes_recovery_and_verdict_from_the_body() -> None:
    world = make_world(1)
    body = {
        "project": world.project.slug,
        "configs": ["sft"],
        "merge_policy": "human_only",
        "merge_recovery": "learned",
        "merge_use_verdict": True,
    }

    made = send(make_caller(world.engineer), EXPORTS, body).json()

    run = Export.objects.get(pk=made["id"]).merge_run
    assert policy_of(run) == MergePolicy("human_only", "learned", use_verdict=True)


@pytest.mark.parametrize(
    "fresh", [{"merge_policy": "chain"}, {"merge_recovery": "off"}, {"merge_use_verdict": False}]
)
def test_a_merge_run_and_how_to_merge_afresh_are_never_both_taken(fresh: dict[str, object]) -> None:
    world = make_world(1)
    body = {"project": world.project.slug, "configs": ["sft"], "merge_run": merge_world(world).pk, **fresh}

    answer = send(make_caller(world.engineer), EXPORTS, body)

    assert (answer.status_code, answer.json()["errors"].keys()) == (400, fresh.keys())
    assert not Export.objects.exists()


def test_an_open_export_is_cancelled_and_a_finished_one_is_not() -> None:
    world = make_world(1)
    waiting = start_export(world)
    caller = make_caller(world.engineer)

    first, second = (send(caller, f"{EXPORTS}{waiting.pk}/cancel/", {}) for _ in range(2))

    assert (first.status_code, first.json()["state"]) == (200, JobState.CANCELLED)
    assert (second.status_code, "is cancelled already" in second.json()["detail"]) == (409, True)


def test_a_finished_export_is_pushed_where_the_installation_has_a_token(settings: LazySettings) -> None:
    world = make_world(2)
    export = write_export(start_export(world, configs=("stepwise",)))
    caller, path = make_caller(world.engineer), f"{EXPORTS}{export.pk}/pushes/"
    settings.HUB_HAS_TOKEN = False
    assert "no token for the Hub" in send(caller, path, {"repository": "ada/sums"}).json()["detail"]
    settings.HUB_HAS_TOKEN = True

    made = send(caller, path, {"repository": "ada/sums", "is_private": False})
    again = send(caller, path, {"repository": "ada/sums"})
    unnamed = send(caller, path, {"repository": "sums"})

    push = HubPush.objects.get()
    assert (made.status_code, made.json()["repository"], push.is_private) == (201, "ada/sums", False)
    assert (again.status_code, unnamed.status_code) == (409, 400)
    assert unnamed.json()["errors"].keys() == {"repository"}
    assert [row["id"] for row in caller.get(path).json()] == [push.pk]


@pytest.mark.parametrize("role", [Role.RATER, Role.ADJUDICATOR])
def test_others_preview_cancel_and_push_nothing(role: Role) -> None:
    world = make_world(1)
    export = start_export(world)
    caller = make_caller(make_member(world.project, role))
    body = {"project": world.project.slug, "configs": ["sft"]}

    assert send(caller, f"{EXPORTS}preview/", body).status_code == 403
    assert send(caller, f"{EXPORTS}{export.pk}/cancel/", {}).status_code == 404
    assert send(caller, f"{EXPORTS}{export.pk}/pushes/", {"repository": "ada/sums"}).status_code == 404
    assert caller.get(f"{EXPORTS}{export.pk}/pushes/").status_code == 404
