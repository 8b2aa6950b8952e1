"""Jobs that are cut into chunks: batches of traces, runs of judges. Their state follows their chunks'.

Locks are taken in one order, chunks before the job they are part of.
"""

from __future__ import annotations

import datetime as dt
from typing import TypeVar, cast

from django.db import transaction
from django.db.models import Q

from annotation.actions import jobs
from annotation.models import ChunkedJob, JobState
from annotation.models.job import OPEN_STATES

AnyChunkedJob = TypeVar("AnyChunkedJob", bound=ChunkedJob)


class NotOpen(Exception):
    """The job is done already; there is nothing to cancel."""


def mark_running(model: type[ChunkedJob], job_id: int, *, now: dt.datetime) -> None:
    """Its first chunk has started."""
    model._default_manager.filter(pk=job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING, started_at=now, touched_at=now
    )


def cancel(job: AnyChunkedJob, *, now: dt.datetime) -> AnyChunkedJob:
    """Closes the job and its open chunks, and returns it as it is then. What finished chunks stored stays.

    Raises NotOpen.
    """
    with transaction.atomic():
        job.chunks.filter(state__in=OPEN_STATES).update(
            state=JobState.CANCELLED, finished_at=now, touched_at=now
        )
        locked = _lock(type(job), job.pk)
        if not locked.is_open:
            raise NotOpen(f"{str(locked).capitalize()} is {locked.get_state_display().lower()} already.")
        jobs.cancel_job(locked, now=now)
    return locked


def settle(model: type[ChunkedJob], job_id: int, *, now: dt.datetime) -> None:
    """Closes the job where none of its chunks is open any more: failed if every chunk failed, else finished.

    Called in the transaction that closes a chunk, so a job can't stay open after its last one.
    """
    with transaction.atomic():
        job = _lock(model, job_id)
        if not job.is_open or job.chunks.filter(state__in=OPEN_STATES).exists():
            return
        failed = job.chunks.filter(state=JobState.FAILED).order_by("index")
        if failed.exists() and not job.chunks.filter(state=JobState.FINISHED).exists():
            jobs.fail_job(job, error=failed[0].error, now=now)
        else:
            jobs.finish_job(job, now=now)


def settle_abandoned(*, now: dt.datetime) -> int:
    """Closes open jobs whose last chunk was closed by the reaper, not by a worker. Returns how many it looked at."""
    num_looked_at = 0
    for model in ChunkedJob.__subclasses__():
        abandoned = model._default_manager.filter(state__in=OPEN_STATES).exclude(
            Q(chunks__state__in=OPEN_STATES)
        )
        for job_id in list(abandoned.values_list("pk", flat=True)):
            settle(model, job_id, now=now)
            num_looked_at += 1
    return num_looked_at


def _lock(model: type[AnyChunkedJob], job_id: int) -> AnyChunkedJob:
    # NO KEY: what a chunk makes refers to the job, and storing one must not wait for whoever else holds this lock.
    return cast(AnyChunkedJob, model._default_manager.select_for_update(no_key=True).get(pk=job_id))
