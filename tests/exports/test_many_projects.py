"""Exports of several projects: one set of files, one split for a prompt that both have, and nobody reads half of it."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from annotation.merging.data import MergePolicy
from annotation.models import Account, JobState, Membership, Role
from annotation.queries.merge_runs import policy_of
from exports import actions
from exports.card import describe_losses
from exports.models import Export
from exports.policy import ExportPolicy
from exports.preview import preview_export
from exports.queries import list_exports_of
from tests.annotation.api.callers import make_caller, send
from tests.exports.test_forms import fill
from tests.exports.worlds import World, make_world, merge_world, start_export, write_export
from tests.factories import NOW, make_member, make_project

pytestmark = pytest.mark.django_db
CONFIGS = ("stepwise", "prompts", "evidence")


@pytest.fixture
def worlds() -> tuple[World, World]:
    """Two projects with the same twelve prompts, and one engineer in both."""
    first, second = make_world(12), make_world(12)
    Membership.objects.create(
        project=second.project, account=first.engineer, role=Role.ENGINEER, created_at=NOW
    )
    return first, second


def rows_of(export: Export, config: str) -> list[dict[str, Any]]:
    folder = actions.folder_of(export) / config
    return [
        {**row, "split": path.name.partition("-")[0]}
        for path in sorted(folder.glob("*.parquet"))
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def test_labels_of_both_projects_are_in_the_files(worlds: tuple[World, World]) -> None:
    first, second = worlds
    policy = ExportPolicy(validation_share=0.3, test_share=0.3, seed=1)

    export = write_export(
        start_export(first, configs=CONFIGS, policy=policy, other_projects=[second.project])
    )

    assert export.state == JobState.FINISHED
    manifest = export.manifest
    assert manifest["projects"] == sorted([first.project.slug, second.project.slug])
    assert set(manifest["other_merges"]) == {second.project.slug}
    assert manifest["counts"]["prompts"] == 24
    ids = {int(row["prompt_id"]) for row in rows_of(export, "stepwise")}
    assert ids >= {prompt.pk for world in worlds for prompt in world.prompts}


def test_a_prompt_that_both_projects_have_is_in_one_split(worlds: tuple[World, World]) -> None:
    first, second = worlds
    policy = ExportPolicy(validation_share=0.3, test_share=0.3, seed=1)

    export = write_export(
        start_export(first, configs=CONFIGS, policy=policy, other_projects=[second.project])
    )

    split_of = {int(row["prompt_id"]): row["split"] for row in rows_of(export, "prompts")}
    twins = list(zip(first.prompts, second.prompts, strict=True))
    assert all(split_of[one.pk] == split_of[other.pk] for one, other in twins)
    assert len({split_of[one.pk] for one, _ in twins}) > 1
    assert export.manifest["counts"]["prompt_clusters"] == 12


def test_the_preview_says_where_an_other_projects_counts_come_from_another_policy(
    worlds: tuple[World, World],
) -> None:
    first, second = worlds
    run = merge_world(first)
    merge_world(second, MergePolicy("majority"))

    seen = preview_export(first.project, run, ExportPolicy(), CONFIGS, "standard", [second.project])

    assert any(
        f"{second.project.name} is counted from its merge by the policy majority" in hint
        for hint in seen.hints
    )


def test_an_other_projects_merge_by_another_policy_is_neither_taken_nor_waited_for(
    worlds: tuple[World, World],
) -> None:
    first, second = worlds
    majority = MergePolicy("majority")
    of_second = merge_world(second, majority)
    chosen = start_export(first, merge_world(first), other_projects=[second.project])
    assert policy_of(chosen.other_runs.get()) == MergePolicy()

    with pytest.raises(
        actions.MergeUnfit, match=f"of {second.project.name} is under way, by the policy chain"
    ):
        start_export(first, majority, other_projects=[second.project])

    by_majority = start_export(first, merge_world(first, majority), other_projects=[second.project])
    assert by_majority.other_runs.get() == of_second


def test_the_latest_merge_of_the_other_project_is_taken_where_one_is_chosen(
    worlds: tuple[World, World],
) -> None:
    first, second = worlds
    run, other = merge_world(first), merge_world(second)

    export = start_export(first, run, other_projects=[second.project, first.project])

    assert list(export.other_runs.all()) == [other]


def test_the_preview_counts_both(worlds: tuple[World, World]) -> None:
    first, second = worlds
    run = merge_world(first)
    merge_world(second)
    policy = ExportPolicy(validation_share=0.3, test_share=0.3, seed=1)

    seen = preview_export(first.project, run, policy, CONFIGS, "standard", [second.project])

    export = start_export(first, run, CONFIGS, policy=policy, other_projects=[second.project])
    written = write_export(export).manifest["counts"]["configs"]
    assert {config.config: {s: n for s, n in config.splits if n} for config in seen.configs} == {
        config: written[config]["rows"] for config in CONFIGS
    }


def test_who_is_in_one_of_the_projects_only_sees_nothing_of_it(worlds: tuple[World, World]) -> None:
    first, second = worlds
    export = write_export(start_export(first, configs=("sft", "stepwise"), other_projects=[second.project]))
    half = make_member(first.project, Role.ADMIN)
    page = reverse("exports:show_export", args=[first.project.slug, export.pk])
    clients = {}
    for account in (first.engineer, half):
        clients[account] = Client()
        clients[account].force_login(account)

    assert list(list_exports_of(half)) == []
    assert clients[half].get(page).status_code == 404
    assert clients[first.engineer].get(page).status_code == 200
    api = f"/api/v1/exports/{export.pk}/"
    for query in ({}, {"project": first.project.slug}):
        assert make_caller(half).get(api, query).status_code == 404
        assert make_caller(first.engineer).get(api, query).status_code == 200
    assert make_caller(first.engineer, project=first.project).get(api).status_code == 404


def test_only_projects_that_one_may_export_are_offered_and_taken(worlds: tuple[World, World]) -> None:
    first, second = worlds
    hidden = make_project()
    make_member(hidden, Role.ENGINEER)

    taken = fill(first, other_projects=[second.project.pk])
    refused = fill(first, other_projects=[hidden.pk])

    assert taken.is_valid(), taken.errors
    assert taken.others_chosen() == [second.project]
    assert list(refused.errors) == ["other_projects"]


def test_the_api_takes_further_projects_of_ones_own(worlds: tuple[World, World]) -> None:
    first, second = worlds
    body = {"project": first.project.slug, "configs": ["sft"], "file_format": "jsonl"}
    caller = make_caller(first.engineer)

    made = send(caller, "/api/v1/exports/", {**body, "other_projects": [second.project.slug]})
    refused = send(caller, "/api/v1/exports/", {**body, "other_projects": [make_project().slug]})

    assert made.status_code == 201
    assert (made.json()["file_format"], made.json()["other_projects"]) == ("jsonl", [second.project.slug])
    assert refused.status_code == 404


def test_the_page_and_the_card_name_each_projects_merge_and_all_their_ratings(
    worlds: tuple[World, World],
) -> None:
    first, second = worlds
    export = write_export(start_export(first, configs=CONFIGS, other_projects=[second.project]))
    client = Client()
    client.force_login(first.engineer)

    page = client.get(reverse("exports:show_export", args=[first.project.slug, export.pk])).content.decode()

    run = export.other_runs.get()
    address = reverse("annotation:show_merge", args=[second.project.slug, run.pk])
    assert f'<a href="{address}">merge {run.pk}</a> of {second.project.name}' in page
    card = (actions.folder_of(export) / "README.md").read_text()
    assert f"Labels of the project `{second.project.slug}`: Merge chain-" in card


def test_simulated_ratings_of_all_projects_are_told_together(worlds: tuple[World, World]) -> None:
    first, second = worlds
    Account.objects.filter(ratings__trace__project__in=[first.project, second.project]).update(
        is_simulated=True
    )

    export = write_export(start_export(first, configs=CONFIGS, other_projects=[second.project]))

    num = sum(
        merge["num_ratings"]
        for merge in (export.manifest["merge"], *export.manifest["other_merges"].values())
    )
    assert num > export.manifest["merge"]["num_ratings"]
    assert describe_losses(export.manifest)[0].startswith(f"{num} of the {num} ratings")


def test_the_preview_says_which_project_has_no_merge_yet(worlds: tuple[World, World]) -> None:
    first, second = worlds
    run = merge_world(first)

    seen = preview_export(first.project, run, ExportPolicy(), CONFIGS, "standard", [second.project])

    assert any(hint.startswith(f"{second.project.name} has no merge yet") for hint in seen.hints)


def test_before_any_merge_the_evidence_of_all_is_counted(worlds: tuple[World, World]) -> None:
    first, second = worlds

    alone = preview_export(first.project, None, ExportPolicy(), CONFIGS, "standard").evidence
    both = preview_export(first.project, None, ExportPolicy(), CONFIGS, "standard", [second.project]).evidence

    assert alone is not None and both is not None
    assert both.num_traces == 2 * alone.num_traces
