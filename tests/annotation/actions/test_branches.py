"""Alternatives to a step: who may ask, how often, and what becomes of a picked or written one."""

from __future__ import annotations

import random

import pytest

from annotation.actions import branches, ratings
from annotation.models import Assignment, JobState, StepBranch
from annotation.rules.draft import Draft, InvalidDraft
from annotation.rules.rating import Label
from tests.factories import (
    NOW,
    make_assignment,
    make_batch,
    make_branch,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db
LABELS = (1, -1, None)


def make_lease(**fields: object) -> Assignment:
    """A trace of a batch on its rater's desk."""
    project = make_project()
    batch = make_batch(project, temperature=0.2, top_p=0.9)
    return make_assignment(make_trace(make_prompt(project), batch=batch, sample_index=0), **fields)


def ask(
    assignment: Assignment, step_index: int = 1, labels: tuple[Label, ...] = LABELS, **fields: object
) -> StepBranch:
    values = {"assignment": assignment, "rater": assignment.rater, "now": NOW, **fields}
    return branches.ask_for_alternatives(
        step_index=step_index,
        labels=labels,
        source=random.Random(1),
        **values,  # type: ignore[arg-type]
    )


def save(assignment: Assignment, **fields: object) -> None:
    draft = Draft(labels=LABELS, writer="page", sequence=3, **fields)  # type: ignore[arg-type]
    ratings.save_draft(assignment=assignment, rater=assignment.rater, draft=draft, base_revision=0, now=NOW)
    assignment.refresh_from_db()


def test_asking_queues_a_job_that_samples_warm_enough_to_differ() -> None:
    assignment = make_lease()

    branch = ask(assignment)

    assert (branch.state, branch.round, branch.num_wanted) == (JobState.QUEUED, 1, branches.NUM_ALTERNATIVES)
    assert (branch.temperature, branch.top_p) == (branches.LEAST_TEMPERATURE, 0.9)
    assert (branch.assignment, branch.requested_by) == (assignment, assignment.rater)


@pytest.mark.parametrize(
    ("step_index", "labels"),
    [(1, (1, 1, 1)), (1, (1, None, None)), (2, (1, -1, -1)), (0, (1, -1, None))],
    ids=["no error", "not judged", "a later error", "a good step"],
)
def test_only_the_first_error_has_alternatives(step_index: int, labels: tuple[Label, ...]) -> None:
    with pytest.raises(branches.NotTheFirstError):
        ask(make_lease(), step_index, labels)

    assert not StepBranch.objects.exists()


def test_a_project_of_imported_traces_has_no_model_to_ask() -> None:
    with pytest.raises(branches.NoModel):
        ask(make_assignment())

    assert not StepBranch.objects.exists()


def test_an_imported_trace_is_gone_on_from_by_the_model_that_wrote_last() -> None:
    """As gold often is imported, it would else be told from the others by what asking brings."""
    project = make_project()
    make_batch(project, top_p=0.5)
    make_batch(project, top_p=0.8)
    assignment = make_assignment(make_trace(make_prompt(project)))

    branch = ask(assignment)

    assert (branch.state, branch.top_p) == (JobState.QUEUED, 0.8)


def test_nobody_asks_for_somebody_elses_trace() -> None:
    assignment = make_lease()

    with pytest.raises(ratings.NotYours):
        ask(assignment, rater=make_member(assignment.trace.project))


def test_asking_twice_while_the_model_works_asks_once() -> None:
    assignment = make_lease()

    assert ask(assignment) == ask(assignment)
    assert StepBranch.objects.count() == 1


def test_further_ones_are_asked_for_a_few_times() -> None:
    assignment = make_lease()
    for number in range(1, branches.MAX_ROUNDS + 1):
        assert ask(assignment).round == number
        StepBranch.objects.update(state=JobState.FINISHED, finished_at=NOW)

    with pytest.raises(branches.EnoughRounds):
        ask(assignment)


def test_what_failed_can_be_tried_again() -> None:
    assignment = make_lease()
    make_branch(assignment, round=branches.MAX_ROUNDS, state=JobState.FAILED, finished_at=NOW)

    assert ask(assignment).round == branches.MAX_ROUNDS + 1


def test_a_picked_step_becomes_the_drafts_rewrite_beside_all_the_rest() -> None:
    assignment = make_lease()
    save(assignment, notes={0: "fine"}, rewrites={0: "kept"}, active_seconds=5.0)

    branches.keep_rewrite(
        assignment=assignment, rater=assignment.rater, step_index=1, text="3 + 4 = 7\n", now=NOW
    )

    assignment.refresh_from_db()
    draft = ratings.get_draft(assignment)
    assert dict(draft.rewrites) == {0: "kept", 1: "3 + 4 = 7\n"}
    assert (draft.labels, dict(draft.notes), draft.active_seconds) == (LABELS, {0: "fine"}, 5.0)
    assert assignment.draft_revision == 2


def test_a_step_that_is_not_the_first_error_gets_no_rewrite() -> None:
    assignment = make_lease()
    save(assignment)

    with pytest.raises(branches.NotTheFirstError):
        branches.keep_rewrite(assignment=assignment, rater=assignment.rater, step_index=0, text="x", now=NOW)

    assert dict(ratings.get_draft(Assignment.objects.get()).rewrites) == {}


def test_a_step_of_a_novels_length_is_refused_with_nothing_lost() -> None:
    assignment = make_lease()
    save(assignment, rewrites={1: "mine"})

    with pytest.raises(InvalidDraft):
        branches.keep_rewrite(
            assignment=assignment, rater=assignment.rater, step_index=1, text="x" * 20_001, now=NOW
        )

    assert dict(ratings.get_draft(Assignment.objects.get()).rewrites) == {1: "mine"}
