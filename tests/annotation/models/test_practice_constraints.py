"""What the database holds of practice and of alternatives, whoever writes to it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from annotation.models import Gold, Project
from tests.factories import (
    NOW,
    make_alternative,
    make_attempt,
    make_branch,
    make_gold,
    make_member,
    make_practice_answer,
    make_project,
    make_trace,
)

pytestmark = pytest.mark.django_db


def refuses(name: str) -> pytest.RaisesExc[IntegrityError]:
    return pytest.raises(IntegrityError, match=name)


def test_gold_is_mixed_into_work_unless_it_is_set_aside() -> None:
    gold = make_gold(make_trace())

    assert gold.use == "work"
    with refuses("gold_use_is_known"):
        Gold.objects.update(use="other")


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("qualification_pass_mark", 1.2, "project_qualification_pass_mark_is_a_share"),
        ("qualification_pass_mark", -0.1, "project_qualification_pass_mark_is_a_share"),
        ("qualification_attempts", 0, "project_qualification_counts_are_positive"),
        ("qualification_traces", 0, "project_qualification_counts_are_positive"),
    ],
)
def test_a_test_has_a_possible_size_and_mark(field: str, value: float, name: str) -> None:
    make_project()

    with refuses(name):
        Project.objects.update(**{field: value})


def test_a_rater_has_one_attempt_open_at_a_time() -> None:
    project = make_project()
    rater = make_member(project)
    make_attempt(project, rater)

    with refuses("qualification_attempt_one_open_per_rater"):
        make_attempt(project, rater, number=2)


def test_an_attempt_that_ended_has_a_result_and_no_more_right_than_shown() -> None:
    project = make_project()
    rater = make_member(project)

    with refuses("qualification_attempt_finished_has_a_result"):
        make_attempt(project, rater, finished_at=NOW)


def test_no_more_are_right_than_were_shown() -> None:
    project = make_project()

    with refuses("qualification_attempt_right_of_those_shown"):
        make_attempt(
            project, make_member(project), trace_ids=[1], finished_at=NOW, num_right=2, has_passed=True
        )


def test_a_tutorial_trace_is_answered_once_and_a_test_trace_once_an_attempt() -> None:
    project = make_project()
    rater, trace = make_member(project), make_trace(project=project)
    make_practice_answer(trace, rater)
    make_practice_answer(trace, rater, attempt=make_attempt(project, rater))

    with refuses("practice_answer_once_in_the_tutorial"):
        make_practice_answer(trace, rater)


@pytest.mark.parametrize(
    ("labels", "name"), [((1, 1), "has 2 elements but trace"), ((1, 1, 5), "practice_answer_labels_in_range")]
)
def test_an_answer_has_one_label_for_each_step(labels: tuple[int, ...], name: str) -> None:
    project = make_project()

    with refuses(name):
        make_practice_answer(make_trace(project=project), make_member(project), labels)


def test_a_step_is_branched_once_a_round() -> None:
    branch = make_branch()

    make_branch(branch.assignment, round=2)
    with refuses("step_branch_once_per_round"):
        make_branch(branch.assignment)


@pytest.mark.parametrize("fields", [{"text": ""}, {"text": "a", "refusal": "b"}])
def test_an_alternative_is_a_text_or_the_reason_why_there_is_none(fields: dict[str, str]) -> None:
    branch = make_branch()
    make_alternative(branch, index=1, text="", refusal="The model wrote nothing.")

    with refuses("step_alternative_is_a_text_or_a_refusal"):
        make_alternative(branch, **fields)
