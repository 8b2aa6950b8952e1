"""How far a batch has got."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import GenerationBatch, GenerationChunk, JobState, Trace
from annotation.queries.batches import get_batch_progress
from tests.factories import NOW, make_batch, make_prompt, make_trace

pytestmark = pytest.mark.django_db


def seconds(number: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=number)


def make_chunk(batch: GenerationBatch, *, took: float, num_tokens: list[int], index: int = 0) -> None:
    """A finished chunk with one trace for each of `num_tokens`."""
    prompts = [make_prompt(batch.project) for _ in num_tokens]
    GenerationChunk.objects.create(
        batch=batch,
        index=index,
        prompt_ids=[prompt.pk for prompt in prompts],
        sample_indexes=[0] * len(prompts),
        state=JobState.FINISHED,
        queued_at=NOW,
        started_at=NOW,
        touched_at=NOW,
        finished_at=seconds(took),
    )
    for prompt, count in zip(prompts, num_tokens, strict=True):
        make_trace(prompt, batch=batch, sample_index=0, num_tokens=count)


def test_a_batch_that_waits_has_no_speed_and_no_end_in_sight() -> None:
    progress = get_batch_progress(make_batch(num_prompts=4), now=seconds(100))

    assert (progress.num_done, progress.num_expected) == (0, 4)
    assert (progress.tokens_per_second, progress.eta_seconds) == (0.0, None)


def test_what_is_left_takes_as_long_as_what_is_done_did() -> None:
    batch = make_batch(num_prompts=8, state=JobState.RUNNING, started_at=NOW)
    make_chunk(batch, took=10, num_tokens=[30, 50])

    progress = get_batch_progress(batch, now=seconds(10))

    assert progress.tokens_per_second == pytest.approx(8.0)
    assert progress.eta_seconds == pytest.approx(30.0)


def test_a_finished_batch_keeps_its_time() -> None:
    batch = make_batch(state=JobState.FINISHED, started_at=NOW, finished_at=seconds(20))

    progress = get_batch_progress(batch, now=seconds(9999))

    assert (progress.elapsed_seconds, progress.eta_seconds) == (20.0, None)


def test_failures_are_counted_by_their_reason() -> None:
    batch = make_batch(num_prompts=3)
    reasons = ["The model wrote nothing.", "Too long.", "The model wrote nothing."]
    GenerationChunk.objects.create(
        batch=batch,
        index=0,
        prompt_ids=[1, 2, 3],
        sample_indexes=[0, 0, 0],
        failures=[{"prompt_id": 1, "sample_index": 0, "reason": reason} for reason in reasons],
        queued_at=NOW,
        touched_at=NOW,
    )

    progress = get_batch_progress(batch, now=NOW)

    assert [(row.reason, row.count) for row in progress.failures.reasons] == [
        ("The model wrote nothing.", 2),
        ("Too long.", 1),
    ]
    assert (progress.num_failed, progress.num_done) == (3, 3)


def test_tokens_that_a_server_does_not_tell_are_those_that_were_estimated() -> None:
    batch = make_batch(num_prompts=2, state=JobState.RUNNING, started_at=NOW)
    make_chunk(batch, took=10, num_tokens=[30])
    Trace.objects.update(num_prompt_tokens=12)
    told = get_batch_progress(batch, now=seconds(10))
    GenerationChunk.objects.update(num_tokens=25, num_prompt_tokens=40)
    Trace.objects.update(num_tokens=None, num_prompt_tokens=None)

    untold = get_batch_progress(batch, now=seconds(10))

    assert (told.num_tokens, told.has_estimated_tokens) == (30, False)
    assert (untold.num_tokens, untold.has_estimated_tokens) == (25, True)
    assert untold.tokens_per_second == pytest.approx(2.5)


def test_a_trace_cut_anew_is_counted_once() -> None:
    batch = make_batch()
    prompt = make_prompt(batch.project)
    make_trace(prompt, batch=batch, sample_index=0, retired_at=NOW, wants_ratings=False)
    make_trace(prompt, batch=batch, sample_index=0, segmentation=2)

    assert get_batch_progress(batch, now=NOW).num_traces == 1
