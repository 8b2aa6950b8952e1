"""Whoever waits for a model is told what the worker is at, or that there may be none."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import GenerationChunk, JobState
from annotation.queries.waiting import PATIENCE_SECONDS, WAITS, explain_wait
from tests.factories import NOW, make_batch, make_dry_run

pytestmark = pytest.mark.django_db


def run_chunk(*, is_on_server: bool = False) -> None:
    GenerationChunk.objects.create(
        batch=make_batch(),
        index=0,
        prompt_ids=[1],
        sample_indexes=[0],
        is_on_server=is_on_server,
        state=JobState.RUNNING,
        queued_at=NOW,
        started_at=NOW,
        touched_at=NOW,
    )


def test_a_job_just_queued_waits_for_a_worker() -> None:
    assert explain_wait(make_dry_run(), is_on_server=False, now=NOW) == WAITS


def test_a_job_behind_a_part_of_a_batch_says_so_however_long_it_waits() -> None:
    run_chunk()

    told = explain_wait(make_dry_run(), is_on_server=False, now=NOW + dt.timedelta(minutes=3))

    assert told == "Waits for a worker, which is at a part of a batch; that takes some seconds."


def test_a_job_for_a_server_does_not_wait_for_the_worker_with_the_local_model() -> None:
    run_chunk(is_on_server=False)

    assert explain_wait(make_dry_run(is_on_server=True), is_on_server=True, now=NOW) == WAITS


@pytest.mark.parametrize(("is_on_server", "queue"), [(False, "models"), (True, "servers")])
def test_a_job_that_nobody_takes_asks_whether_a_worker_is_running(is_on_server: bool, queue: str) -> None:
    later = NOW + dt.timedelta(seconds=PATIENCE_SECONDS)

    told = explain_wait(make_dry_run(is_on_server=is_on_server), is_on_server=is_on_server, now=later)

    assert "No worker has taken it for 20 s" in told
    assert f"queue “{queue}”" in told


def test_a_job_under_way_waits_for_nothing() -> None:
    running = make_dry_run(state=JobState.RUNNING, started_at=NOW)

    assert explain_wait(running, is_on_server=False, now=NOW) == ""
