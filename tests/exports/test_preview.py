"""The preview: it counts what the export then holds."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from annotation.merging.data import MergePolicy
from exports import preview, project_splits
from exports.policy import CONFIGS, ExportPolicy
from exports.preview import count_evidence, preview_export
from tests.exports.worlds import call_broken, make_world, merge_world, start_export, write_export
from tests.factories import make_project

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "policy",
    [
        ExportPolicy(),
        ExportPolicy(minimum_raters=1, seed=4),
        ExportPolicy(good_from=0.999, bad_to=0.1, after_error="mask", evidence=("human",)),
        ExportPolicy(validation_share=0.3, test_share=0.3, near_duplicates="any_numbers", seed=2),
    ],
)
def test_a_preview_counts_what_the_export_holds(policy: ExportPolicy) -> None:
    world = make_world(15)
    call_broken(world, world.prompts[3])
    run = merge_world(world)

    seen = preview_export(world.project, run, policy, CONFIGS, "standard")

    written = write_export(start_export(world, run, policy=policy)).manifest
    for config in seen.configs:
        counts = written["counts"]["configs"][config.config]
        dropped = written["loss_report"]["dropped"].get(config.config, {})
        assert {split: num for split, num in config.splits if num} == counts["rows"]
        assert dict(config.labels) == counts["labels"]
        assert dict(config.provenance) == counts["provenance"]
        assert sorted(num for num, _ in config.left_out) == sorted(dropped.values())
    assert (seen.is_of_latest, seen.is_estimated) == (False, False)
    assert [config.config for config in seen.configs] == list(CONFIGS)


def test_sample_rows_are_whole_rows() -> None:
    world = make_world(5)
    run = merge_world(world)

    seen = preview_export(world.project, run, ExportPolicy(), ("sft", "stepwise", "evidence"), "standard")

    stepwise, evidence = seen.configs[0], seen.configs[-1]
    assert evidence.config == "evidence"
    assert f'"rater": "{world.raters[0].pk}"' in evidence.samples[0]
    assert (stepwise.config, len(stepwise.samples)) == ("stepwise", 3)
    assert "The answer is 7." in stepwise.samples[0]
    assert ("labels", "list[int8]") in stepwise.columns
    assert all(len(config.samples) == 3 for config in seen.configs)


def test_a_fresh_merge_is_previewed_from_the_latest_one() -> None:
    world = make_world(2)
    run = merge_world(world)

    seen = preview_export(world.project, None, ExportPolicy(), ("sft",), "standard")

    assert (seen.run, seen.is_of_latest) == (run, True)


def test_a_fresh_merge_is_previewed_from_the_latest_by_the_same_policy_before_any_other() -> None:
    world = make_world(2)
    chain = merge_world(world)
    majority = merge_world(world, MergePolicy("majority"))

    same = preview_export(
        world.project, None, ExportPolicy(), ("sft",), "standard", merge_policy=MergePolicy()
    )
    other = preview_export(
        world.project, None, ExportPolicy(), ("sft",), "standard", merge_policy=MergePolicy("human_only")
    )

    assert (same.run, same.other_policy) == (chain, "")
    assert (other.run, other.other_policy) == (majority, "the policy majority")
    assert other.wanted_policy == "the policy human_only"


def test_before_the_first_merge_there_is_only_evidence_to_count() -> None:
    world = make_world(2)

    seen = preview_export(world.project, None, ExportPolicy(), CONFIGS, "standard")

    assert seen.run is None
    assert seen.evidence == count_evidence([world.project])
    assert seen.evidence is not None
    assert (seen.evidence.num_traces, seen.evidence.num_rated_twice, seen.evidence.num_judged) == (6, 4, 1)


def test_an_empty_project_has_no_evidence() -> None:
    found = count_evidence([make_project()])

    assert (found.num_traces, found.num_rated) == (0, 0)


def test_a_preview_says_what_would_give_more() -> None:
    world = make_world(2)
    run = merge_world(world)

    seen = preview_export(
        world.project,
        run,
        ExportPolicy(minimum_raters=3, test_share=0.99, validation_share=0.0),
        CONFIGS,
        "standard",
    )

    assert any("fewer than 3 blind raters" in hint for hint in seen.hints)
    assert any("no training rows" in hint for hint in seen.hints)


def test_a_large_project_is_previewed_in_part() -> None:
    world = make_world(4)
    run = merge_world(world)

    with patch.object(preview, "MOST_PAIRS", 1), patch.object(project_splits, "MOST_CLUSTERED", 2):
        seen = preview_export(world.project, run, ExportPolicy(), CONFIGS, "standard")

    assert seen.is_estimated
    partial = {config.config: config.is_partial for config in seen.configs}
    assert [name for name, is_partial in partial.items() if is_partial] == ["step_preference"]
    assert next(c.num_rows for c in seen.configs if c.config == "step_preference") <= 1
