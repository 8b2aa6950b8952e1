"""The life of a background job, and what happens to it when its worker dies."""

from __future__ import annotations

import datetime as dt
from unittest.mock import patch

import pytest
from django.db import transaction

from annotation.actions import jobs
from annotation.models import GenerationChunk, JobState, MergeRun
from tests.factories import NOW, make_account, make_batch, make_project

pytestmark = pytest.mark.django_db
STALL = 30
LATER = NOW + dt.timedelta(seconds=STALL + 1)


def make_run(**fields: object) -> MergeRun:
    defaults = {"project": make_project(), "created_by": make_account(), "queued_at": NOW, "touched_at": NOW}
    return MergeRun.objects.create(**{**defaults, **fields})


def start(run: MergeRun, now: dt.datetime = NOW) -> MergeRun:
    return jobs.start_job(MergeRun, run.pk, now=now, stall_seconds=STALL)


def reap(now: dt.datetime = LATER, max_attempts: int = 5) -> int:
    return jobs.reap_jobs(now=now, stall_seconds=STALL, max_attempts=max_attempts)


def test_a_queued_job_starts_and_finishes() -> None:
    run = start(make_run())
    assert (run.state, run.num_attempts, run.started_at) == (JobState.RUNNING, 1, NOW)

    with transaction.atomic():
        jobs.finish_job(jobs.lock_for_result(run), now=LATER)

    run.refresh_from_db()
    assert (run.state, run.finished_at) == (JobState.FINISHED, LATER)


def test_a_job_that_runs_elsewhere_is_not_started_twice() -> None:
    run = start(make_run())

    with pytest.raises(jobs.JobNotStartable, match="running elsewhere"):
        start(run)


@pytest.mark.parametrize("close", [jobs.finish_job, jobs.cancel_job])
def test_a_closed_job_does_not_start_again(close: object) -> None:
    run = make_run()
    close(run, now=NOW)  # type: ignore[operator]

    with pytest.raises(jobs.JobNotStartable, match="gone or done"):
        start(run)


def test_a_deleted_job_does_not_start() -> None:
    run = make_run()
    run_id = run.pk
    run.delete()

    with pytest.raises(jobs.JobNotStartable, match="gone or done"):
        jobs.start_job(MergeRun, run_id, now=NOW, stall_seconds=STALL)


def test_a_beating_job_is_left_to_its_worker() -> None:
    run = start(make_run())

    jobs.beat_job(run, now=LATER)

    assert reap(LATER) == 0
    run.refresh_from_db()
    assert run.state == JobState.RUNNING


def test_a_cancelled_job_tells_its_worker_at_the_next_beat() -> None:
    run = start(make_run())
    jobs.cancel_job(MergeRun.objects.get(pk=run.pk), now=NOW)

    with pytest.raises(jobs.JobLost):
        jobs.beat_job(run, now=LATER)


def test_a_silent_job_is_queued_again_and_its_first_worker_stores_nothing() -> None:
    first = start(make_run())
    with patch("annotation.jobs.send") as send:
        with patch("annotation.jobs.count_waiting", return_value=3):
            assert reap() == 1
        send.assert_not_called()  # only once the surrounding transaction commits

    second = start(first, now=LATER)

    assert second.num_attempts == 2
    with pytest.raises(jobs.JobLost), transaction.atomic():
        jobs.lock_for_result(first)
    with transaction.atomic():
        jobs.finish_job(jobs.lock_for_result(second), now=LATER)


@pytest.mark.django_db(transaction=True)
def test_a_job_is_sent_only_once_its_row_is_committed() -> None:
    run = start(make_run())

    with patch("annotation.jobs.send") as send, patch("annotation.jobs.count_waiting", return_value=0):
        assert reap() == 1

    send.assert_called_once_with("annotation.run_merge", run.pk)


@pytest.mark.parametrize(
    ("num_waiting", "num_sent"), [(0, 1), (7, 0), (None, 0)], ids=["lost", "in a queue", "no broker"]
)
def test_a_queued_job_is_sent_again_only_where_its_message_was_lost(
    num_waiting: int | None, num_sent: int
) -> None:
    make_run()

    with patch("annotation.jobs.count_waiting", return_value=num_waiting):
        assert reap() == num_sent


def test_a_job_that_kills_its_worker_every_time_fails_with_a_reason() -> None:
    run = make_run(state=JobState.RUNNING, num_attempts=5)

    with patch("annotation.jobs.count_waiting", return_value=0):
        assert reap(max_attempts=5) == 0

    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert "died 5 times" in run.error


def test_a_failed_job_keeps_its_reason() -> None:
    run = start(make_run())

    with transaction.atomic():
        jobs.fail_job(jobs.lock_for_result(run), error="The disk is full.", now=LATER)

    run.refresh_from_db()
    assert (run.state, run.error, run.finished_at) == (JobState.FAILED, "The disk is full.", LATER)


def make_chunk(**fields: object) -> GenerationChunk:
    batch = make_batch(paused_at=fields.pop("paused_at", None))
    return GenerationChunk.objects.create(
        batch=batch, index=0, prompt_ids=[1], sample_indexes=[0], queued_at=NOW, touched_at=NOW, **fields
    )


@pytest.mark.parametrize(
    ("is_on_server", "task"),
    [(False, "annotation.generate_chunk"), (True, "annotation.generate_chunk_on_server")],
)
def test_a_lost_chunk_is_sent_to_the_queue_of_its_own_kind_of_model(is_on_server: bool, task: str) -> None:
    chunk = make_chunk(is_on_server=is_on_server)

    with (
        patch("annotation.jobs.count_waiting", return_value=0) as count_waiting,
        patch("annotation.actions.jobs.jobs.queue_on_commit") as queue,
    ):
        assert reap() == 1

    count_waiting.assert_called_once_with(task)
    assert queue.call_args.args[0].task == task
    assert queue.call_args.args[0].pk == chunk.pk


def test_a_chunk_that_waits_while_its_batch_is_paused_is_left_alone() -> None:
    make_chunk(paused_at=NOW)

    with patch("annotation.jobs.count_waiting", return_value=0):
        assert reap() == 0


def test_a_chunk_whose_worker_died_is_taken_back_also_while_its_batch_is_paused() -> None:
    chunk = make_chunk(paused_at=NOW, state=JobState.RUNNING, started_at=NOW, num_attempts=1)

    with patch("annotation.jobs.count_waiting", return_value=0):
        assert reap() == 1

    chunk.refresh_from_db()
    assert chunk.state == JobState.QUEUED
