"""A trace's posterior is taken apart as the run saw it: who moved which step, and by how much."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import MergedTrace, MergeRun, Project, Role, Trace
from annotation.queries.explanations import (
    ExplainedTrace,
    explain_trace,
    list_merged_traces,
    list_undecided,
)
from tests.factories import (
    NOW,
    make_gold,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(minutes=1)


def merge_now(project: Project, policy: MergePolicy | None = None) -> MergeRun:
    actor = make_member(project, Role.ENGINEER)
    run = merges.start_merge(project=project, policy=policy or MergePolicy(), actor=actor, now=NOW)
    merges.run_merge(run_id=run.pk, clock=lambda: LATER)
    run.refresh_from_db()
    return run


def explain_of(run: MergeRun, trace: Trace) -> ExplainedTrace:
    return explain_trace(run, list_merged_traces(run).get(trace=trace))


def make_disputed() -> Trace:
    """One rater sees an error in the second step, two others don't."""
    trace = make_trace()
    for labels in ((1, -1, None), (1, 1, 1), (1, 1, 1)):
        make_rating(trace, labels=labels)
    return trace


def test_each_rating_is_named_with_what_it_said_and_moved() -> None:
    trace = make_disputed()
    raters = [str(rating.rater) for rating in trace.ratings.order_by("pk")]

    found = explain_of(merge_now(trace.project), trace)

    assert not found.has_drifted
    assert [step.posterior for step in found.steps] == found.merged.posterior
    second = found.steps[1]
    by_source = {one.source: one for one in second.influences}
    assert set(by_source) == set(raters)
    assert (by_source[raters[0]].label, by_source[raters[1]].label) == (-1, 1)
    assert by_source[raters[0]].change < 0 < by_source[raters[1]].change
    assert second.influences[0].change == max((one.change for one in second.influences), key=abs)
    assert second.alone is not None


def make_judged_project(num_prompts: int = 40) -> Trace:
    """Enough rated traces to calibrate a judge that sees errors; returns one that only the judge saw."""
    project, judge = make_project(), make_judge(name="sharp")
    raters = [make_member(project) for _ in range(2)]
    for number in range(num_prompts):
        prompt = make_prompt(project)
        is_wrong = number % 2 == 0
        trace = make_trace(prompt)
        for rater in raters:
            make_rating(trace, rater, labels=(1, -1, None) if is_wrong else (1, 1, 1))
        make_judge_score(trace, judge, (0.9, 0.1, 0.3) if is_wrong else (0.9, 0.8, 0.9))
    unseen = make_trace(make_prompt(project))
    make_judge_score(unseen, judge, (0.9, 0.1, 0.2))
    return unseen


def test_a_judge_is_named_where_it_speaks() -> None:
    trace = make_judged_project()

    found = explain_of(merge_now(trace.project), trace)

    assert found.merged.provenance == "ai"
    assert not found.has_drifted
    [judge] = found.steps[1].influences
    assert (judge.source, judge.is_rating, judge.probability) == ("sharp@1", False, 0.1)
    assert judge.change < -0.2
    assert found.steps[1].alone is not None
    assert found.steps[1].alone > found.steps[1].posterior


def test_the_fold_that_did_not_see_a_traces_prompt_explains_it() -> None:
    """A trace with one rater and a judge is explained by the hazard it was merged with."""
    trace = make_judged_project()
    rated_once = make_trace(make_prompt(trace.project))
    make_rating(rated_once, labels=(1, 1, 1))
    make_judge_score(rated_once, trace.judge_scores.get().judge, (0.8, 0.5, 0.6))

    found = explain_of(merge_now(trace.project), rated_once)

    assert found.merged.provenance == "hybrid"
    assert found.merged.fold is not None
    assert not found.has_drifted
    assert {one.is_rating for one in found.steps[1].influences} == {True, False}


def test_what_was_said_after_the_merge_explains_nothing() -> None:
    trace = make_disputed()
    run = merge_now(trace.project)
    make_rating(trace, labels=(-1, None, None), submitted_at=LATER + dt.timedelta(hours=1))

    found = explain_of(run, trace)

    assert len(found.steps[0].influences) == 3
    assert not found.has_drifted


@pytest.mark.parametrize("name", ["majority", "human_only"])
def test_plainer_policies_are_explained_too(name: str) -> None:
    trace = make_disputed()

    found = explain_of(merge_now(trace.project, MergePolicy(name)), trace)  # type: ignore[arg-type]

    assert [step.posterior for step in found.steps] == found.merged.posterior
    assert any(one.change < 0 for one in found.steps[1].influences)


def test_gold_is_moved_by_nobody() -> None:
    trace = make_disputed()
    make_gold(trace, (True, True, False))

    found = explain_of(merge_now(trace.project), trace)

    assert [step.posterior for step in found.steps] == [1.0, 1.0, 0.0]
    assert {one.change for step in found.steps for one in step.influences} == {0.0}


def test_a_trace_without_evidence_has_nothing_to_explain() -> None:
    silent = make_trace(make_disputed().prompt)

    assert explain_of(merge_now(silent.project), silent).steps == ()


def test_numbers_that_come_out_otherwise_today_are_owned_up_to() -> None:
    trace = make_disputed()
    run = merge_now(trace.project)
    MergedTrace.objects.filter(run=run, trace=trace).update(posterior=[0.9, 0.1, 0.1])

    assert explain_of(run, trace).has_drifted


def test_a_run_that_cannot_be_taken_apart_says_so() -> None:
    trace = make_disputed()
    run = merge_now(trace.project)
    run.diagnostics = {}

    found = explain_of(run, trace)

    assert found.steps == ()
    assert "Merge again" in found.refusal


def test_the_least_sure_traces_come_first_and_gold_is_not_among_them() -> None:
    trace = make_disputed()
    sure, gold = make_trace(trace.prompt), make_trace(trace.prompt)
    for _ in range(3):
        make_rating(sure, labels=(1, 1, 1))
    make_gold(gold)

    found = list_undecided(merge_now(trace.project))

    assert [row.trace_id for row in found] == [trace.pk, sure.pk]
