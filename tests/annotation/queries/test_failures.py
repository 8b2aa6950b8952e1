"""What failed is counted to the last item, however many reasons there are, and listed one by one."""

from __future__ import annotations

import pytest

from annotation.models import BatchFailure, GenerationBatch, JudgeFailure, Prompt
from annotation.queries.batches import get_batch_progress
from annotation.queries.failures import (
    count_batch_failures,
    count_judge_failures,
    list_batch_failures,
    list_judge_failures,
)
from annotation.queries.judge_runs import get_run_progress
from tests.factories import NOW, make_project, make_prompt, make_trace
from tests.failed_items import WROTE_NOTHING, make_failed_batch, make_failed_run

pytestmark = pytest.mark.django_db


def make_batch_failing_with(*reasons: str) -> GenerationBatch:
    project = make_project()
    return make_failed_batch([make_prompt(project) for _ in reasons], reasons)


def test_thirty_reasons_are_counted_whole_and_the_most_frequent_are_told() -> None:
    reasons = [f"Reason {letter}." for letter in "abcdefghijklmnopqrstuvwxyzäöüß"]
    batch = make_batch_failing_with(*reasons, WROTE_NOTHING, WROTE_NOTHING)

    tally = count_batch_failures(batch)
    progress = get_batch_progress(batch, now=NOW)

    assert (tally.num_items, len(tally.reasons), tally.num_more_reasons) == (32, 20, 11)
    assert (tally.reasons[0].reason, tally.reasons[0].count) == (WROTE_NOTHING, 2)
    assert (progress.num_failed, progress.num_done) == (32, 32)


def test_reasons_that_differ_by_their_numbers_alone_are_one() -> None:
    batch = make_batch_failing_with(
        *(f"The prompt has {count} tokens; the context holds 2,048." for count in ("5,001", "7,220", "12.5"))
    )

    [reason] = count_batch_failures(batch).reasons

    assert (reason.count, reason.is_varied) == (3, True)
    assert reason.reason == "The prompt has 12.5 tokens; the context holds 2,048."


def test_what_a_server_answered_is_no_mere_number() -> None:
    batch = make_batch_failing_with(
        "In 6 attempts: it answered 500.",
        "In 6 attempts: it answered 503.",
        "In 6 attempts: it answered 503.",
    )

    assert [(row.reason, row.count) for row in count_batch_failures(batch).reasons] == [
        ("In 6 attempts: it answered 503.", 2),
        ("In 6 attempts: it answered 500.", 1),
    ]
    assert not any(row.is_varied for row in count_batch_failures(batch).reasons)


def test_without_failures_there_is_nothing_to_tell() -> None:
    tally = count_batch_failures(make_batch_failing_with(WROTE_NOTHING))
    other = count_batch_failures(make_failed_batch([make_prompt()], [WROTE_NOTHING], num_prompts=3))

    assert (tally.num_items, other.num_items) == (1, 1)
    assert count_judge_failures(make_failed_run([make_trace()], ["Too long."])).num_items == 1


def test_each_failed_item_leads_to_its_prompt_also_where_that_is_gone() -> None:
    project = make_project()
    kept, gone = make_prompt(project), make_prompt(project)
    batch = make_failed_batch([kept, gone], [WROTE_NOTHING, "Too long."])
    gone_pk = gone.pk
    Prompt.objects.filter(pk=gone_pk).delete()

    first, second = list_batch_failures(batch)

    assert (first.prompt, first.sample_index, first.reason) == (kept, 0, WROTE_NOTHING)
    assert (second.prompt, second.prompt_id, second.reason) == (None, gone_pk, "Too long.")
    assert str(first) == f"sample 0 of prompt {kept.pk} in batch {batch.pk}"


def test_each_failed_trace_leads_to_its_trace() -> None:
    trace = make_trace()
    run = make_failed_run([trace], ["Too long."])
    make_failed_run([make_trace()], ["of another run"])

    [failure] = list_judge_failures(run)

    assert (failure.trace, failure.reason, failure.run) == (trace, "Too long.", run)
    assert str(failure) == f"trace {trace.pk} in judge run {run.pk}"


def test_a_run_tells_traces_judged_from_those_without_a_score() -> None:
    run = make_failed_run([make_trace()], ["Too long."], num_scored=3)

    progress = get_run_progress(run, now=NOW)

    assert (progress.num_done, progress.num_scored, progress.num_failed) == (4, 3, 1)


def test_a_batch_is_deleted_with_its_failures() -> None:
    batch = make_batch_failing_with(WROTE_NOTHING)
    run = make_failed_run([make_trace()], ["Too long."])

    batch.delete()
    run.delete()

    assert not BatchFailure.objects.exists()
    assert not JudgeFailure.objects.exists()
