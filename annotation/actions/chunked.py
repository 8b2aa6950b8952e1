"""Jobs that are cut into chunks: batches of traces, runs of judges. Their state follows their chunks'.

Locks are taken in one order, chunks before the job they are part of.
"""

from __future__ import annotations

import datetime as dt
from typing import TypeVar, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from annotation import jobs as background
from annotation.actions import jobs
from annotation.models import ChunkedJob, JobState
from annotation.models.job import OPEN_STATES, ModelJob

AnyChunk = TypeVar("AnyChunk", bound=ModelJob)
AnyChunkedJob = TypeVar("AnyChunkedJob", bound=ChunkedJob)


class NotPaused(Exception):
    """The job is not paused; there is nothing to resume."""


def start_chunk(model: type[AnyChunk], chunk_id: int, *, now: dt.datetime) -> AnyChunk:
    """Marks a chunk running, and with the first one the whole. Raises jobs.JobNotStartable, also while it is paused."""
    with transaction.atomic():
        chunk = jobs.start_job(model, chunk_id, now=now, stall_seconds=settings.JOB_STALL_SECONDS)
        whole: ChunkedJob = getattr(chunk, model.whole)
        if whole.is_paused:
            raise jobs.JobNotStartable(f"{chunk} waits: {whole} is paused.")
        type(whole)._default_manager.filter(pk=whole.pk, state=JobState.QUEUED).update(
            state=JobState.RUNNING, started_at=now, touched_at=now
        )
    return chunk


def pause(job: AnyChunkedJob, *, now: dt.datetime, reason: str = "") -> AnyChunkedJob:
    """No further chunk starts; those in hand are finished, which takes seconds. `reason`: why it pauses by itself.

    Raises jobs.NotOpen.
    """
    with transaction.atomic():
        locked = lock(type(job), job.pk)
        jobs.check_open(locked)
        if locked.paused_at is None:
            locked.paused_at, locked.pause_reason = now, reason
            locked.save(update_fields=["paused_at", "pause_reason"])
    return locked


def resume(job: AnyChunkedJob, *, now: dt.datetime) -> AnyChunkedJob:
    """Queues what waits, on commit. Raises NotPaused."""
    with transaction.atomic():
        waiting = list(job.chunks.select_for_update().filter(state=JobState.QUEUED))
        locked = lock(type(job), job.pk)
        if not locked.is_paused or locked.paused_at is None:
            raise NotPaused(f"{str(locked).capitalize()} is not paused.")
        locked.paused_seconds += max(0, int((now - locked.paused_at).total_seconds()))
        locked.paused_at, locked.pause_reason = None, ""
        locked.save(update_fields=["paused_at", "pause_reason", "paused_seconds"])
        job.chunks.filter(pk__in=[chunk.pk for chunk in waiting]).update(touched_at=now)
        for chunk in waiting:
            background.queue_on_commit(chunk)
    return locked


def cancel(job: AnyChunkedJob, *, now: dt.datetime) -> AnyChunkedJob:
    """Closes the job and its open chunks, and returns it as it is then. What finished chunks stored stays.

    Raises jobs.NotOpen.
    """
    with transaction.atomic():
        job.chunks.filter(state__in=OPEN_STATES).update(
            state=JobState.CANCELLED, finished_at=now, touched_at=now
        )
        locked = lock(type(job), job.pk)
        jobs.check_open(locked)
        jobs.cancel_job(locked, now=now)
    return locked


def settle(model: type[ChunkedJob], job_id: int, *, now: dt.datetime) -> None:
    """Closes the job where none of its chunks is open any more: failed if every chunk failed, else finished.

    Called in the transaction that closes a chunk, so a job can't stay open after its last one.
    """
    with transaction.atomic():
        job = lock(model, job_id)
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


def lock(model: type[AnyChunkedJob], job_id: int) -> AnyChunkedJob:
    """The job, locked for this transaction."""
    # NO KEY: what a chunk makes refers to the job, and storing one must not wait for whoever else holds this lock.
    return cast(AnyChunkedJob, model._default_manager.select_for_update(no_key=True).get(pk=job_id))
