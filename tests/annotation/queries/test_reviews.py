"""What an adjudicator is shown of a trace: everybody's words at their steps, and where they part."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import JobState, MergeRun, Outcome, Project, Role, Trace
from annotation.queries.reviews import view_dispute
from tests.factories import (
    NOW,
    make_appeal,
    make_decision,
    make_disagreement,
    make_gold,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def trace(project: Project) -> Trace:
    return make_trace(project=project)


def merge(trace: Trace, posterior: list[float | None], *, minutes: int = 0, **fields: object) -> None:
    values = {"state": JobState.FINISHED, "finished_at": NOW, **fields}
    run = MergeRun.objects.create(
        project=trace.project,
        created_by=make_member(trace.project, Role.ADMIN),
        queued_at=NOW + dt.timedelta(minutes=minutes),
        touched_at=NOW,
        **values,
    )
    run.merged_traces.create(trace=trace, posterior=posterior, p_trace=posterior[-1], provenance="human")


def test_each_step_has_every_voice_in_the_order_in_which_they_rated(trace: Trace) -> None:
    late = make_rating(trace, labels=(1, 1, 1), submitted_at=NOW + dt.timedelta(hours=1))
    early = make_rating(
        trace, labels=(1, -1, None), notes={"1": "No."}, error_categories={"1": "Logic"}, rewrites={"1": "7."}
    )

    dispute = view_dispute(trace, make_member(trace.project, Role.ADJUDICATOR))

    assert dispute.ratings == (early, late)
    second = dispute.steps[1]
    assert (second.number, second.text) == (2, "He buys 4 more: 3 + 4 = 7.\n")
    assert [(voice.label, voice.note, voice.category, voice.rewrite) for voice in second.voices] == [
        (-1, "No.", "Logic", "7."),
        (1, "", "", ""),
    ]


@pytest.mark.parametrize(
    ("first", "second", "disputed"),
    [
        ((1, -1, None), (1, 1, 1), [False, True, False]),
        ((-1, None, None), (1, 0, 1), [True, False, False]),  # what one has not judged is no objection
        ((1, 0, 1), (1, 1, 1), [False, False, False]),  # good and neutral both let the step stand
        ((-1, None, None), (-1, None, None), [False, False, False]),
    ],
)
def test_a_step_is_disputed_where_one_calls_it_bad_and_another_does_not(
    first: tuple[int | None, ...], second: tuple[int | None, ...], disputed: list[bool], trace: Trace
) -> None:
    for labels in (first, second):
        make_rating(trace, labels=labels)

    dispute = view_dispute(trace, make_member(trace.project))

    assert [step.is_disputed for step in dispute.steps] == disputed


def test_who_calls_the_problem_bad_has_no_voice_on_its_steps(trace: Trace) -> None:
    make_rating(trace, labels=(None,) * 3, outcome=Outcome.BAD_PROBLEM, reason="No question.")

    dispute = view_dispute(trace, make_member(trace.project))

    assert [step.voices for step in dispute.steps] == [(), (), ()]
    assert dispute.ratings[0].reason == "No question."


def test_replaced_revisions_are_not_shown(trace: Trace) -> None:
    rating = make_rating(trace, labels=(1, 1, 1), is_current=False)
    amended = make_rating(trace, assignment=rating.assignment, labels=(1, -1, None), revision=2)

    assert view_dispute(trace, make_member(trace.project)).ratings == (amended,)


def test_judges_and_the_last_finished_merge_stand_beside(trace: Trace) -> None:
    make_judge_score(trace, make_judge(name="sums"), (0.9, None, 0.5), rationales=["", "", "Unsure."])
    merge(trace, [0.2, 0.2, 0.2])
    merge(trace, [0.9, 0.4, 0.3], minutes=1)
    merge(trace, [0.0, 0.0, 0.0], minutes=2, state=JobState.FAILED)

    dispute = view_dispute(trace, make_member(trace.project))

    assert dispute.merged == (0.9, 0.4, 0.3)
    assert [step.posterior for step in dispute.steps] == [0.9, 0.4, 0.3]
    assert [(step.opinions[0].probability, step.opinions[0].rationale) for step in dispute.steps] == [
        (0.9, ""),
        (None, ""),
        (0.5, "Unsure."),
    ]


def test_a_trace_nobody_has_said_anything_of_can_be_shown(trace: Trace) -> None:
    dispute = view_dispute(trace, make_member(trace.project))

    assert (dispute.ratings, dispute.judges, dispute.merged, dispute.appeals) == ((), (), (), ())
    assert (dispute.disagreement, dispute.decision, dispute.is_gold) == (None, None, False)
    assert len(dispute.steps) == 3


def test_what_was_decided_appealed_and_made_gold_is_there(trace: Trace) -> None:
    rating = make_rating(trace)
    row = make_disagreement(trace)
    first = make_decision(trace, is_current=False)
    second = make_decision(trace, (1, -1, None), revision=2)
    appeal = make_appeal(first, rating.rater)
    make_gold(trace)

    dispute = view_dispute(trace, rating.rater)

    assert (dispute.disagreement, dispute.decision, dispute.appeals) == (row, second, (appeal,))
    assert (dispute.is_gold, dispute.has_rated_it) == (True, True)
