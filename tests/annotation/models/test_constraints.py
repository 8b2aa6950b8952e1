"""What must always hold is held by the database itself, whoever writes to it."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    Choice,
    Comparison,
    Gold,
    JobState,
    JudgeScore,
    MergedTrace,
    MergeRun,
    Outcome,
    Priority,
    Project,
    Prompt,
    Rating,
    Role,
    Trace,
)
from tests.factories import (
    NOW,
    make_account,
    make_assignment,
    make_batch,
    make_judge,
    make_judge_score,
    make_member,
    make_model_spec,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db


def refuses(name: str) -> pytest.RaisesExc[IntegrityError]:
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize(
    "step_ends",
    [[], [3], [6, 6], [4, 2, 6], [0, 6], [3, 7]],
    ids=["no step", "too short", "an empty step", "going back", "an empty first step", "past the end"],
)
def test_steps_that_do_not_tile_their_completion_are_refused(step_ends: list[int]) -> None:
    trace = make_trace(steps=["abc", "déf"])

    with refuses("trace_steps_are_lossless"), transaction.atomic():
        Trace.objects.filter(pk=trace.pk).update(step_ends=step_ends)


def test_a_missing_step_end_is_refused() -> None:
    trace = make_trace(steps=["abc", "def"])

    with refuses("trace_steps_are_lossless"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE annotation_trace SET step_ends = ARRAY[NULL, 6] WHERE id = %s", [trace.pk])


def test_step_ends_count_characters_and_not_bytes() -> None:
    trace = make_trace(steps=["日本", "e\u0301🙂"])

    trace.refresh_from_db()

    assert trace.step_ends == [2, 5]
    assert trace.num_steps == 2


def test_a_sample_of_a_batch_has_one_trace() -> None:
    batch = make_batch()
    prompt = make_prompt(batch.project)
    make_trace(prompt, batch=batch, sample_index=0)

    with refuses("trace_once_per_sample"), transaction.atomic():
        make_trace(prompt, batch=batch, sample_index=0)

    assert make_trace(prompt, batch=batch, sample_index=0, segmentation=2).pk


def test_imported_traces_of_one_prompt_are_as_many_as_one_likes() -> None:
    prompt = make_prompt()

    make_trace(prompt)
    make_trace(prompt)

    assert Trace.objects.filter(prompt=prompt).count() == 2


def test_a_retired_trace_is_never_handed_out() -> None:
    with refuses("trace_retired_is_not_handed_out"), transaction.atomic():
        make_trace(retired_at=NOW, wants_ratings=True)


def test_a_held_trace_is_never_handed_out() -> None:
    with refuses("trace_held_is_not_handed_out"), transaction.atomic():
        make_trace(priority=Priority.HELD, wants_ratings=True)


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("gold_share", 1.1, "project_gold_share_is_a_share"),
        ("gold_threshold", -0.1, "project_gold_threshold_is_a_share"),
        ("gold_window", 0, "project_gold_window_is_positive"),
    ],
)
def test_a_gold_setting_out_of_range_is_refused(field: str, value: float, constraint: str) -> None:
    project = make_project()

    with refuses(constraint), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(**{field: value})


@pytest.mark.parametrize("label", [-2, 2, 5])
def test_a_label_out_of_range_is_refused(label: int) -> None:
    with refuses("rating_labels_in_range"), transaction.atomic():
        make_rating(labels=[1, label, None])


def test_a_step_may_be_left_not_judged() -> None:
    rating = make_rating(labels=[1, -1, None])

    rating.refresh_from_db()

    assert rating.labels == [1, -1, None]


@pytest.mark.parametrize("labels", [[1, 1], [1, 1, 1, 1]])
def test_a_rating_has_one_label_for_each_step(labels: list[int]) -> None:
    with pytest.raises(IntegrityError, match="has 3 steps"), transaction.atomic():
        make_rating(labels=labels)


def test_a_rater_has_one_current_rating_of_a_trace() -> None:
    first = make_rating()

    with refuses("rating_one_current_per_rater"), transaction.atomic():
        make_rating(first.trace, assignment=first.assignment, revision=2)


def test_a_submission_is_stored_under_its_key_once() -> None:
    key = uuid4()
    make_rating(idempotency_key=key)

    with pytest.raises(IntegrityError, match="idempotency_key"), transaction.atomic():
        make_rating(idempotency_key=key)


def test_giving_up_needs_a_reason() -> None:
    with refuses("rating_without_labels_has_a_reason"), transaction.atomic():
        make_rating(outcome=Outcome.GIVE_UP, labels=[None, None, None])

    assert make_rating(outcome=Outcome.GIVE_UP, labels=[None, None, None], reason="I can't read Greek.").pk


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_judge_says_probabilities_and_nothing_else(value: float) -> None:
    with refuses("judge_score_probabilities_in_range"), transaction.atomic():
        make_judge_score(make_trace(), probabilities=[0.5, value, None])


def test_a_judge_scores_every_step_of_its_trace_or_says_none() -> None:
    trace = make_trace()

    with pytest.raises(IntegrityError, match="has 3 steps"), transaction.atomic():
        make_judge_score(trace, probabilities=[0.5])

    assert make_judge_score(trace, probabilities=[None, None, 0.2]).pk


def test_a_judge_scores_a_trace_once() -> None:
    trace, judge = make_trace(), make_judge()
    make_judge_score(trace, judge)

    with refuses("judge_score_once_per_trace"), transaction.atomic():
        make_judge_score(trace, judge)

    assert JudgeScore.objects.count() == 1


def test_gold_knows_every_step() -> None:
    trace = make_trace()

    with pytest.raises(IntegrityError, match="has 3 steps"), transaction.atomic():
        Gold.objects.create(trace=trace, stands=[True], created_by=make_account(), created_at=NOW)


def test_a_posterior_is_as_long_as_its_trace() -> None:
    trace = make_trace()
    run = MergeRun.objects.create(
        project=trace.project, created_by=make_account(), queued_at=NOW, touched_at=NOW
    )

    with pytest.raises(IntegrityError, match="has 3 steps"), transaction.atomic():
        MergedTrace.objects.create(
            run=run, trace=trace, posterior=[0.5], p_trace=0.5, first_error=-1, provenance="human"
        )


def test_a_pair_has_one_assignment_for_ever() -> None:
    first = make_assignment()

    with refuses("assignment_once_per_rater"), transaction.atomic():
        make_assignment(first.trace, first.rater)


def test_an_ended_assignment_says_when() -> None:
    with refuses("assignment_ended_has_a_time"), transaction.atomic():
        make_assignment(state=AssignmentState.SUBMITTED)


def test_expired_leases_are_found_by_time() -> None:
    lease = make_assignment(expires_at=NOW + dt.timedelta(minutes=1))

    assert not Assignment.objects.expired(now=NOW)
    assert list(Assignment.objects.expired(now=NOW + dt.timedelta(minutes=1))) == [lease]


def test_a_comparison_has_one_order() -> None:
    prompt = make_prompt()
    low, high = make_trace(prompt), make_trace(prompt)
    fields = {
        "prompt": prompt,
        "rater": make_account(),
        "choice": Choice.A,
        "is_swapped": False,
        "submitted_at": NOW,
    }

    with refuses("comparison_pair_is_ordered"), transaction.atomic():
        Comparison.objects.create(trace_a=high, trace_b=low, **fields)

    assert Comparison.objects.create(trace_a=low, trace_b=high, **fields).pk


def test_a_prompt_stands_once_in_a_project() -> None:
    prompt = make_prompt()

    with refuses("prompt_once_per_project"), transaction.atomic():
        make_prompt(prompt.project, text=prompt.text)

    assert make_prompt(make_project(), text=prompt.text).pk
    assert Prompt.objects.filter(text=prompt.text).count() == 2


def test_a_closed_job_says_when_it_closed() -> None:
    batch = make_batch()

    with refuses("generationbatch_finished_has_a_time"), transaction.atomic():
        type(batch).objects.filter(pk=batch.pk).update(state=JobState.FINISHED)


def test_a_simulated_rater_is_never_staff() -> None:
    with refuses("account_simulated_is_never_staff"), transaction.atomic():
        make_account(is_simulated=True, is_staff=True)


def test_a_role_is_held_once() -> None:
    project = make_project()
    rater = make_member(project)

    with refuses("membership_once_per_role"), transaction.atomic():
        rater.membership_set.create(project=project, role=Role.RATER, created_at=NOW)


def test_ratings_outlive_the_removal_of_a_membership() -> None:
    rating = make_rating()

    rating.rater.membership_set.all().delete()

    assert Rating.objects.current().get() == rating
    assert Account.objects.filter(pk=rating.rater_id).exists()


@given(ends=st.lists(st.integers(min_value=-3, max_value=12), max_size=6), length=st.integers(0, 12))
def test_the_database_and_the_definition_agree_on_lossless(ends: list[int], length: int) -> None:
    expected = (
        bool(ends) and ends[-1] == length and all(a < b for a, b in zip([0, *ends], ends, strict=False))
    )

    with connection.cursor() as cursor:
        cursor.execute("SELECT gradus_steps_are_lossless(%s::integer[], %s)", [ends, "x" * length])
        (found,) = cursor.fetchone()

    assert found is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"backend": "server"},
        {"backend": "transformers", "address": "http://gpu1/v1"},
        {"backend": "prm", "key_variable": "SOME_API_KEY"},
    ],
    ids=["a server without an address", "an address without a server", "a key without a server"],
)
def test_servers_and_only_they_have_an_address(fields: dict[str, str]) -> None:
    with refuses("model_spec_servers_have_an_address"):
        make_model_spec(**fields)


def test_a_price_is_never_negative() -> None:
    with refuses("model_spec_prices_are_not_negative"):
        make_model_spec(price_per_million_tokens=-1)


def test_a_budget_of_nothing_is_no_budget() -> None:
    with refuses("generation_batch_budgets_are_positive"):
        make_batch(token_budget=0)


def test_a_judge_s_version_is_there_once_in_a_project_and_once_outside_of_any() -> None:
    project = make_project()
    make_judge(name="strict", version="1")
    make_judge(name="strict", version="1", project=project)
    make_judge(name="strict", version="1", project=make_project())

    with refuses("judge_once_per_version_in_project"), transaction.atomic():
        make_judge(name="strict", version="1", project=project)
    with refuses("judge_once_per_version"):
        make_judge(name="strict", version="1")
