"""The form's choices become a policy and a merge."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from annotation.merging.data import MergePolicy
from annotation.models import JobState, MergeRun
from exports.forms import ExportForm, default_choices
from exports.policy import ExportPolicy
from tests.exports.worlds import World, make_world, merge_world, start_export
from tests.factories import make_trace

pytestmark = pytest.mark.django_db


def fill(world: World, **changed: Any) -> ExportForm:
    """A form as a browser would send it."""
    data = QueryDict(mutable=True)
    for name, value in {**default_choices(world.project), **changed}.items():
        if value is False:
            continue
        data.setlist(name, [str(item) for item in value] if isinstance(value, list) else [str(value)])
    return ExportForm(world.project, data, account=world.engineer)


def test_what_is_offered_first_is_the_default_policy() -> None:
    world = make_world(10)

    form = ExportForm(world.project, account=world.engineer)

    assert form.is_valid(), form.errors
    assert form.policy() == ExportPolicy()
    assert form.merge_chosen() == MergePolicy()
    assert "evidence" not in form.cleaned_data["configs"]


def test_another_export_begins_with_every_choice_of_the_first() -> None:
    world = make_world(1)
    policy = ExportPolicy(
        good_from=0.9,
        minimum_raters=3,
        evidence=("human",),
        after_error="mask",
        languages=("en",),
        made_from="2026-01-02",
        leaves_out_bad_prompts=False,
        validation_share=0.05,
        seed=7,
    )
    export = start_export(world, merge_world(world), ("sft",), policy=policy, file_format="jsonl")

    form = ExportForm(world.project, account=world.engineer, like=export)

    form.fields["languages"].choices = [("en", "en")]  # type: ignore[attr-defined]  # of traces that a world lacks
    assert form.is_valid(), form.errors
    assert (form.policy(), form.merge_chosen()) == (policy, export.merge_run)
    assert (form.cleaned_data["configs"], form.cleaned_data["file_format"]) == (["sft"], "jsonl")


def test_a_merge_that_did_not_finish_is_to_run_again() -> None:
    world = make_world(1)
    export = start_export(world, merge=MergePolicy("majority"))

    assert ExportForm(world.project, account=world.engineer, like=export)["merge"].value() == "fresh:majority"


def test_every_choice_reaches_the_policy() -> None:
    world = make_world(1)
    make_trace(world.prompts[0], model_name="another model")

    form = fill(
        world,
        minimum_raters=3,
        evidence=["human"],
        good_from=0.9,
        bad_to=0.1,
        sft_from=0.95,
        min_p_preference=0.85,
        after_error="mask",
        models=["another model"],
        leaves_out_bad_prompts=False,
        uses_gold_in_evaluation=False,
        validation_percent=5,
        test_percent=20,
        seed=7,
        near_duplicates="any_numbers",
    )

    assert form.is_valid(), form.errors
    assert form.policy() == ExportPolicy(
        minimum_raters=3,
        evidence=("human",),
        good_from=0.9,
        bad_to=0.1,
        sft_from=0.95,
        min_p_preference=0.85,
        after_error="mask",
        models=("another model",),
        leaves_out_bad_prompts=False,
        uses_gold_in_evaluation=False,
        validation_share=0.05,
        test_share=0.2,
        seed=7,
        near_duplicates="any_numbers",
    )


@pytest.mark.parametrize("name", ["chain", "human_only", "majority"])
def test_a_fresh_merge_takes_the_policy_that_was_chosen(name: Any) -> None:
    form = fill(make_world(1), merge=f"fresh:{name}")

    assert form.is_valid()
    assert form.merge_chosen() == MergePolicy(name=name)


def test_only_finished_merges_of_the_project_are_offered() -> None:
    world = make_world(1)
    run, other = merge_world(world), merge_world(make_world(1))
    failed = merge_world(world)
    MergeRun.objects.filter(pk=failed.pk).update(state=JobState.FAILED, error="No.")

    offered = [key for key, _ in ExportForm(world.project, account=world.engineer).fields["merge"].choices]  # type: ignore[attr-defined]

    assert f"run:{run.pk}" in offered
    assert not {f"run:{other.pk}", f"run:{failed.pk}"} & set(offered)
    chosen = fill(world, merge=f"run:{run.pk}")
    assert chosen.is_valid()
    assert chosen.merge_chosen() == run


def test_a_model_that_wrote_nothing_can_not_be_chosen() -> None:
    form = fill(make_world(1), models=["a stranger"])

    assert not form.is_valid()
    assert "models" in form.errors
