"""A launched batch is paused, resumed, tried again, and stops where its budget ends."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from unittest.mock import patch

import pytest

from annotation.actions import batch_course, chunked, generate, jobs
from annotation.generation.backend import Refusal
from annotation.models import AuditEvent, GenerationBatch, GenerationChunk, JobState, Trace
from annotation.queries.batches import get_batch_progress
from annotation.queries.spending import get_spending
from tests.annotation.actions.test_batches import launch
from tests.annotation.actions.test_generate import CHUNK_TEXT, ScriptedBackend, Ticking, run
from tests.factories import NOW, make_account, make_model_spec

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(minutes=5)


def pause(batch: GenerationBatch) -> None:
    batch_course.pause_batch(batch=batch, actor=make_account(), now=NOW)
    batch.refresh_from_db()


def resume(batch: GenerationBatch) -> None:
    batch_course.resume_batch(batch=batch, actor=make_account(), now=LATER)
    batch.refresh_from_db()


def start(chunk: GenerationChunk) -> GenerationChunk:
    return chunked.start_chunk(GenerationChunk, chunk.pk, now=NOW)


def test_no_chunk_of_a_paused_batch_starts() -> None:
    batch = launch()
    pause(batch)
    chunk = batch.chunks.first()

    with pytest.raises(jobs.JobNotStartable, match="is paused"):
        start(chunk)

    chunk.refresh_from_db()
    batch.refresh_from_db()
    assert (chunk.state, chunk.num_attempts, batch.state) == (JobState.QUEUED, 0, JobState.QUEUED)


def test_a_chunk_in_hand_is_finished_and_the_batch_stays_open_for_the_rest() -> None:
    batch = launch(num_prompts=5)
    backend = ScriptedBackend([CHUNK_TEXT], on_request=lambda index: index == 0 and pause(batch))

    chunk = run(batch, backend)

    assert chunk.state == JobState.FINISHED
    assert (batch.is_open, batch.is_paused) == (True, True)


def test_resuming_queues_what_waits_and_only_that(django_capture_on_commit_callbacks: object) -> None:
    batch = launch(num_prompts=5)
    run(batch, ScriptedBackend([CHUNK_TEXT]))
    pause(batch)

    with patch("annotation.jobs.send") as send, django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        resume(batch)

    waiting = batch.chunks.filter(state=JobState.QUEUED)
    assert sorted(call.args[1] for call in send.call_args_list) == sorted(chunk.pk for chunk in waiting)
    assert waiting.count() == batch.chunks.count() - 1
    assert (batch.is_paused, batch.paused_seconds) == (False, 300)


def test_a_batch_that_is_not_paused_can_not_be_resumed() -> None:
    batch = launch()

    with pytest.raises(chunked.NotPaused, match="is not paused"):
        resume(batch)


def test_a_batch_that_is_done_can_not_be_paused() -> None:
    batch = launch(num_prompts=1)
    batch_course.cancel_batch(batch=batch, actor=make_account(), now=NOW)

    with pytest.raises(jobs.NotOpen, match="is cancelled already"):
        pause(batch)


def test_a_paused_batch_can_be_cancelled() -> None:
    batch = launch()
    pause(batch)

    batch_course.cancel_batch(batch=batch, actor=make_account(), now=LATER)

    batch.refresh_from_db()
    assert (batch.state, batch.is_paused) == (JobState.CANCELLED, False)


def test_the_time_of_a_pause_does_not_count_as_work() -> None:
    batch = launch()
    start(batch.chunks.first())
    batch.refresh_from_db()
    pause(batch)
    while_paused = get_batch_progress(batch, now=LATER)
    resume(batch)

    afterwards = get_batch_progress(batch, now=LATER + dt.timedelta(seconds=10))

    assert (while_paused.elapsed_seconds, afterwards.elapsed_seconds) == (0, 10)
    assert while_paused.eta_seconds is None


def test_what_failed_is_tried_again_in_a_new_chunk_with_a_seed_of_its_own() -> None:
    batch = launch(num_prompts=2, num_samples=1)
    first = run(batch, ScriptedBackend([CHUNK_TEXT, Refusal("The server was busy.")]))
    assert (batch.state, len(first.failures)) == (JobState.FINISHED, 1)

    assert batch_course.retry_failures(batch=batch, actor=make_account(), now=LATER) == 1

    batch.refresh_from_db()
    second = batch.chunks.get(index=1)
    assert (batch.state, second.state) == (JobState.RUNNING, JobState.QUEUED)
    assert (second.prompt_ids, second.sample_indexes) == ([first.prompt_ids[1]], [0])
    run(batch, ScriptedBackend([CHUNK_TEXT]), chunk_index=1)
    assert (batch.state, Trace.objects.count()) == (JobState.FINISHED, 2)
    assert get_batch_progress(batch, now=LATER).num_failed == 0
    seeds = {trace.sampling["seed"] for trace in Trace.objects.all()}
    assert seeds == {generate.derive_seed(batch.seed, 0), generate.derive_seed(batch.seed, 1)}


def test_a_failed_batch_that_works_the_second_time_is_finished() -> None:
    batch = launch(num_prompts=1, num_samples=1)
    with patch.object(ScriptedBackend, "generate", side_effect=RuntimeError("out of memory")):
        run(batch, ScriptedBackend([CHUNK_TEXT]))
    assert (batch.state, batch.error) == (JobState.FAILED, "out of memory")

    batch_course.retry_failures(batch=batch, actor=make_account(), now=LATER)
    run(batch, ScriptedBackend([CHUNK_TEXT]), chunk_index=1)

    assert (batch.state, batch.error, batch.finished_at is None) == (JobState.FINISHED, "", False)


def test_without_a_failure_there_is_nothing_to_try_again() -> None:
    batch = launch(num_prompts=1)
    run(batch, ScriptedBackend([CHUNK_TEXT]))

    with pytest.raises(batch_course.NothingToRetry):
        batch_course.retry_failures(batch=batch, actor=make_account(), now=LATER)


def test_tokens_are_counted_also_where_no_trace_came_of_them() -> None:
    batch = launch(num_prompts=2, num_samples=1)

    chunk = run(batch, ScriptedBackend([CHUNK_TEXT, "   "]))

    assert (chunk.num_prompt_tokens, chunk.num_tokens) == (10, 18)
    assert len(chunk.failures) == 1


def test_the_cost_is_that_of_the_prices_at_the_launch() -> None:
    spec = make_model_spec(price_per_million_prompt_tokens=1000, price_per_million_tokens=Decimal("2000.5"))
    batch = launch(num_prompts=1, num_samples=1, model_spec=spec)
    spec.price_per_million_tokens = Decimal(9)
    spec.save()

    run(batch, ScriptedBackend([CHUNK_TEXT]))

    spending = get_spending(batch)
    assert (spending.num_prompt_tokens, spending.num_tokens, spending.num_all_tokens) == (5, 9, 14)
    assert spending.cost == Decimal("0.0230045")


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"token_budget": 28}, "The budget of 28 tokens is used up."),
        ({"money_budget": Decimal("0.01")}, "The budget of $0.01 is used up."),
    ],
    ids=["tokens", "money"],
)
def test_a_batch_pauses_once_its_budget_is_used_up(budget: dict[str, object], reason: str) -> None:
    spec = make_model_spec(price_per_million_tokens=500)
    batch = launch(num_prompts=8, num_samples=1, model_spec=spec, **budget)

    run(batch, ScriptedBackend([CHUNK_TEXT]))

    assert (batch.is_paused, batch.pause_reason) == (True, reason)


def test_a_batch_within_its_budget_goes_on() -> None:
    batch = launch(num_prompts=8, num_samples=1, token_budget=10_000)

    run(batch, ScriptedBackend([CHUNK_TEXT]))

    assert (batch.is_open, batch.is_paused) == (True, False)


def test_going_on_beyond_the_budget_lifts_it_and_is_on_record() -> None:
    batch = launch(num_prompts=8, num_samples=1, token_budget=1)
    run(batch, ScriptedBackend([CHUNK_TEXT]))

    resume(batch)
    run(batch, ScriptedBackend([CHUNK_TEXT]), chunk_index=1)

    assert (batch.is_paused, batch.token_budget) == (False, None)
    event = AuditEvent.objects.get(verb="resumed a batch")
    assert event.details["beyond_budget"] is True


def test_a_batch_on_a_server_is_done_by_the_workers_for_servers_in_chunks_that_fill_it() -> None:
    spec = make_model_spec(backend="server", address="http://gpu1/v1", location="big", max_in_flight=6)

    batch = launch(num_prompts=50, num_samples=1, model_spec=spec)

    assert batch.chunk_size == 12
    assert {chunk.task for chunk in batch.chunks.all()} == {"annotation.generate_chunk_on_server"}


def test_a_ticking_clock_is_no_reason_to_lose_a_chunk() -> None:
    batch = launch(num_prompts=1, num_samples=1)
    chunk = batch.chunks.get()

    generate.generate_chunk(
        chunk_id=chunk.pk, clock=Ticking(), open_backend=lambda spec: ScriptedBackend([CHUNK_TEXT])
    )

    chunk.refresh_from_db()
    assert chunk.state == JobState.FINISHED


def give_up(chunk: GenerationChunk) -> None:
    """What the reaper does with a chunk that stalled as often as it may."""
    silent = NOW - dt.timedelta(minutes=2)
    type(chunk).objects.filter(pk=chunk.pk).update(
        state=JobState.RUNNING, num_attempts=5, started_at=silent, touched_at=silent
    )
    with patch("annotation.jobs.count_waiting", return_value=0):
        jobs.reap_jobs(now=NOW, stall_seconds=30, max_attempts=5)
    chunked.settle_abandoned(now=NOW)


def test_items_of_a_chunk_that_is_given_up_are_counted_shown_and_tried_again() -> None:
    batch = launch(num_prompts=8, num_samples=1)
    first, second = batch.chunks.all()
    run(batch, ScriptedBackend([CHUNK_TEXT]))

    give_up(second)

    batch.refresh_from_db()
    progress = get_batch_progress(batch, now=LATER)
    assert batch.state == JobState.FINISHED
    assert (progress.num_traces, progress.num_failed, progress.num_done) == (4, 4, 8)
    assert "Its worker died 5 times" in progress.failures.reasons[0].reason
    assert batch_course.retry_failures(batch=batch, actor=make_account(), now=LATER) == 4
    run(batch, ScriptedBackend([CHUNK_TEXT]), chunk_index=2)
    pairs = set(Trace.objects.values_list("prompt", "sample_index"))
    assert pairs == {(prompt_id, 0) for prompt_id in [*first.prompt_ids, *second.prompt_ids]}


def test_a_batch_of_which_nothing_was_made_can_be_tried_again_as_a_whole() -> None:
    batch = launch(num_prompts=2, num_samples=1)

    give_up(batch.chunks.get())

    batch.refresh_from_db()
    assert (batch.state, "died 5 times" in batch.error) == (JobState.FAILED, True)
    assert batch_course.retry_failures(batch=batch, actor=make_account(), now=LATER) == 2


def test_the_time_for_which_a_batch_was_closed_counts_neither_as_work_nor_for_what_is_left() -> None:
    batch = launch(num_prompts=2, num_samples=1)
    run(batch, ScriptedBackend([CHUNK_TEXT, Refusal("Too long.")]))
    took = get_batch_progress(batch, now=LATER).elapsed_seconds
    a_day_later = NOW + dt.timedelta(days=1)

    batch_course.retry_failures(batch=batch, actor=make_account(), now=a_day_later)

    batch.refresh_from_db()
    progress = get_batch_progress(batch, now=a_day_later + dt.timedelta(seconds=10))
    assert progress.elapsed_seconds == pytest.approx(took + 10, abs=1)
    assert progress.eta_seconds == pytest.approx(took + 10, abs=1)


def test_a_batch_that_was_cancelled_in_a_pause_is_tried_again_without_it() -> None:
    batch = launch(num_prompts=8, num_samples=1)
    run(batch, ScriptedBackend([Refusal("Too long.")]))
    pause(batch)
    batch_course.cancel_batch(batch=batch, actor=make_account(), now=LATER)
    worked = get_batch_progress(GenerationBatch.objects.get(), now=LATER).elapsed_seconds

    batch_course.retry_failures(batch=batch, actor=make_account(), now=LATER)

    batch.refresh_from_db()
    assert (batch.is_open, batch.is_paused) == (True, False)
    assert get_batch_progress(batch, now=LATER).elapsed_seconds == pytest.approx(worked, abs=1)
