"""What an export reads: in the order of ids, a batch at a time, as it stood when the merge ran."""

from __future__ import annotations

import datetime as dt
from typing import Any
from unittest.mock import patch

import pytest

from annotation.models import MergeRun, Outcome, Rating, Role, Ruling, Trace
from exports import batches
from exports.batches import Batch, stream_batches
from exports.choices import count_traces_with_raters, list_model_names
from exports.formats import evidence
from exports.queries import (
    find_suspect_prompts,
    list_exports_of,
    list_judges,
    list_segmenters,
    stream_pairs,
    stream_prompts,
)
from tests.exports.worlds import LATER, TEMPLATE, call_broken, make_world, merge_world, start_export
from tests.factories import (
    make_decision,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
MUCH_LATER = LATER + dt.timedelta(days=1)


def read_batches(run: MergeRun) -> list[Batch]:
    return list(stream_batches(run, min_p=0.8, with_evidence=True))


def list_evidence(run: MergeRun) -> list[dict[str, Any]]:
    tables = [evidence.make_table(batch.evidence) for batch in read_batches(run) if batch.evidence]
    return [row for table in tables for row in table.to_pylist()]


def list_said(run: MergeRun, trace: Trace, column: str) -> list[Any]:
    """The values of an evidence column, one a step."""
    return [row[column] for row in list_evidence(run) if row["trace_id"] == str(trace.pk)]


def read_all(run: MergeRun) -> tuple[list[Any], ...]:
    return (
        [row for batch in read_batches(run) for row in batch.traces.to_pylist()],
        [
            (chosen, rejected, margin)
            for pairs in (batch.pairs for batch in read_batches(run))
            if pairs is not None
            for chosen, rejected, margin in zip(
                pairs.chosen["trace_id"].to_pylist(),
                pairs.rejected["trace_id"].to_pylist(),
                pairs.margin.to_pylist(),
                strict=True,
            )
        ],
        list_evidence(run),
    )


def test_long_traces_are_read_fewer_at_a_time() -> None:
    run = merge_world(make_world(4))

    with patch.object(batches, "CHARACTERS_AT_ONCE", 60):
        sizes = {len(batch.traces) for batch in stream_batches(run)}

    assert sizes <= {1, 2, 3}


@pytest.mark.parametrize("batch", [1, 3, 500])
def test_streams_give_the_same_rows_whatever_the_size_of_a_batch(batch: int) -> None:
    run = merge_world(make_world(4))
    whole = read_all(run)

    with patch.object(batches, "TRACES_AT_ONCE", batch):
        again = read_all(run)

    assert again == whole
    assert whole[1] == [
        (pair.chosen.trace_id, pair.rejected.trace_id, pair.margin) for pair in stream_pairs(run, min_p=0.8)
    ]
    places = [(trace["prompt_id"], trace["trace_id"]) for trace in whole[0]]
    assert places == sorted(places)


def test_a_trace_brings_its_prompt_as_the_model_was_given_it() -> None:
    world = make_world(1)
    run = merge_world(world)

    trace, *_ = next(stream_batches(run)).traces.to_pylist()

    assert trace["prompt"] == TEMPLATE.replace("{prompt}", world.prompts[0].text)
    assert "".join(trace["steps"]) == trace["completion"]


def test_pairs_hold_both_traces_from_the_threshold_on() -> None:
    world = make_world(3)
    run = merge_world(world)

    pairs = list(stream_pairs(run, min_p=0.8))

    assert [(pair.chosen.trace_id, pair.rejected.trace_id) for pair in pairs] == [
        (right.pk, wrong.pk) for right, wrong in zip(world.right, world.wrong, strict=True)
    ]
    assert list(stream_pairs(run, min_p=1.0)) == []


def test_a_prompt_is_asked_as_it_was_last_put_to_a_model() -> None:
    world = make_world(1)
    never_asked = make_prompt(world.project, text="Never asked", ground_truth="", reference_answer="12")

    found = {prompt.prompt_id: prompt for prompt in stream_prompts(world.project)}

    assert found[world.prompts[0].pk].text.startswith("Solve it.")
    assert (found[never_asked.pk].text, found[never_asked.pk].ground_truth) == ("Never asked", "12")


def test_evidence_is_what_the_merge_read() -> None:
    world = make_world(1)
    world.wrong[0].ratings.update(error_categories={"0": "Calculation"}, rewrites={"0": "2 + 2 = 4."})
    run = merge_world(world)
    make_rating(world.right[0], make_member(world.project), submitted_at=MUCH_LATER)
    make_judge_score(world.wrong[0], created_at=MUCH_LATER)
    make_rating(
        world.silent, make_member(world.project), labels=(None,), outcome=Outcome.GIVE_UP, reason="Too long"
    )

    right, wrong = world.right[0], world.wrong[0]
    assert {len(said) for said in list_said(run, right, "ratings")} == {2}
    assert [[row["probability"] for row in said] for said in list_said(run, right, "judge_scores")] == [
        [0.9], [None], [0.8],
    ]  # fmt: skip
    assert [row for said in list_said(run, wrong, "judge_scores") for row in said] == []
    said_of_first = list_said(run, wrong, "ratings")[0]
    assert {row["error_category"] for row in said_of_first} == {"Calculation"}
    assert {row["rewrite"] for row in said_of_first} == {"2 + 2 = 4."}
    assert [row for said in list_said(run, world.silent, "ratings") for row in said] == []


def test_only_the_last_revision_that_the_merge_read_is_evidence() -> None:
    world = make_world(1)
    trace = world.right[0]

    def revise(first: Rating, number: int, at: dt.datetime, **fields: Any) -> None:
        is_last = number == fields.pop("last")
        first.trace.ratings.filter(rater=first.rater).update(is_current=False)
        make_rating(
            trace, assignment=first.assignment, revision=number, is_current=is_last, submitted_at=at, **fields
        )

    silence = (None,) * (trace.num_steps - 1)
    amended = make_rating(trace, make_member(world.project), labels=(-1, *silence), submitted_at=LATER)
    revise(amended, 2, LATER, labels=(0, *silence), last=3)
    revise(amended, 3, MUCH_LATER, labels=(1, *silence), last=3)
    withdrawn = make_rating(trace, make_member(world.project), submitted_at=LATER)
    revise(withdrawn, 2, LATER, labels=(None, *silence), outcome=Outcome.GIVE_UP, reason="Too long", last=2)
    run = merge_world(world)

    said = list_said(run, trace, "ratings")

    assert [row["label"] for row in said[0] if row["rater"] == str(amended.rater_id)] == [0]
    assert not [row for row in said[1] if row["rater"] == str(amended.rater_id)]
    assert str(withdrawn.rater_id) not in {row["rater"] for rows in said for row in rows}


def test_evidence_brings_the_decision_that_the_merge_read() -> None:
    world = make_world(2)
    right, wrong = world.right[0], world.wrong[0]
    make_decision(right, (1,) * right.num_steps, decided_at=LATER - dt.timedelta(hours=1), is_current=False)
    make_decision(
        wrong, (None,) * wrong.num_steps, ruling="bad_problem", note="No question.", decided_at=LATER
    )
    run = merge_world(world)
    make_decision(right, (-1, *[None] * (right.num_steps - 1)), revision=2, decided_at=MUCH_LATER)

    assert list_said(run, right, "decision") == [1] * right.num_steps
    assert list_said(run, wrong, "decision") == [None] * wrong.num_steps


def test_half_of_the_raters_make_a_prompt_suspect() -> None:
    world = make_world(3)
    call_broken(world, world.prompts[0])  # 2 of 6
    call_broken(world, world.prompts[1])
    call_broken(world, world.prompts[1])  # 4 of 8
    world.right[2].ratings.update(is_reference_wrong=True)  # 2 of 4
    run = merge_world(world)

    found = find_suspect_prompts(run)

    assert found.broken == {world.prompts[1].pk}
    assert found.wrong_reference == {world.prompts[2].pk}


def test_what_was_decided_of_a_doubt_counts_in_its_place() -> None:
    world = make_world(3)
    for trace in (world.right[0], world.right[1]):
        ruling = Ruling.BAD_PROBLEM if trace == world.right[0] else Ruling.STEPS
        labels = (None,) * trace.num_steps if trace == world.right[0] else (1,) * trace.num_steps
        make_decision(
            trace, labels, ruling=ruling, note="Looked up.", decided_at=LATER - dt.timedelta(hours=1)
        )
        trace.ratings.update(outcome=Outcome.BAD_PROBLEM, reason="No number")  # 2 of 4 of the prompt
    world.right[2].ratings.update(outcome=Outcome.BAD_PROBLEM, reason="No number")
    run = merge_world(world)

    assert find_suspect_prompts(run).broken == {world.prompts[0].pk, world.prompts[2].pk}


def test_a_bad_problem_that_one_rater_saw_and_an_adjudicator_confirmed_is_broken() -> None:
    world = make_world(2)
    make_decision(
        world.right[1],
        (None,) * world.right[1].num_steps,
        ruling=Ruling.BAD_PROBLEM,
        note="There is no number.",
        decided_at=LATER - dt.timedelta(hours=1),
    )
    run = merge_world(world)

    assert find_suspect_prompts(run).broken == {world.prompts[1].pk}


def test_a_doubt_raised_after_the_merge_does_not_count() -> None:
    world = make_world(1)
    run = merge_world(world)
    for _ in range(5):
        trace = make_trace(world.prompts[0], steps=("What?",))
        make_rating(
            trace,
            make_member(world.project),
            labels=(None,),
            outcome=Outcome.BAD_PROBLEM,
            reason="No number",
            submitted_at=MUCH_LATER,
        )

    assert find_suspect_prompts(run).broken == frozenset()


def test_versions_and_models_are_listed_once() -> None:
    world = make_world(3)
    run = merge_world(world)
    make_trace(world.prompts[0], model_name="another model")

    assert list_segmenters(run) == ["lines@1"]
    assert len(list_judges(run)) == 1
    assert list_model_names(world.project) == ["another model", "test model"]


def test_assisted_raters_do_not_count_as_blind_ones() -> None:
    project = make_project()
    trace = make_trace(project=project)
    make_rating(trace, make_member(project))
    make_rating(trace, make_member(project), is_assisted=True)

    assert count_traces_with_raters(project, 1) == 1
    assert count_traces_with_raters(project, 2) == 0


def test_a_person_sees_the_exports_of_projects_they_make_things_in() -> None:
    world, other = make_world(1), make_world(1)
    export = start_export(world)
    start_export(other)
    rater = make_member(world.project, Role.RATER)

    assert list(list_exports_of(world.engineer)) == [export]
    assert list(list_exports_of(rater)) == []
