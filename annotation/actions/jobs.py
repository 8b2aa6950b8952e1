"""The life of a background job: started, beating, finished; and queued again when its worker died.

`num_attempts` is a fencing token: whoever started the job last owns it. A worker that was taken for dead and
comes back finds that its attempt is over (`JobLost`) and stores nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from django.db import transaction
from django.db.models import QuerySet

from annotation import jobs
from annotation.models import Job, JobState

logger = logging.getLogger(__name__)

AnyJob = TypeVar("AnyJob", bound=Job)


class JobNotStartable(Exception):
    """The job is done, cancelled, or another worker is at it."""


class JobLost(Exception):
    """The job is no longer this worker's: it was cancelled, or queued again and started elsewhere."""


class NotOpen(Exception):
    """The job is done already; there is nothing to cancel or to pause."""


@contextmanager
def leave_to_others() -> Iterator[None]:
    """Around a task's work: a job that is over, or another worker's by now, is left to them with a line in the log."""
    try:
        yield
    except (JobNotStartable, JobLost) as reason:
        logger.info("%s", reason)


def start_job(model: type[AnyJob], job_id: int, *, now: dt.datetime, stall_seconds: int) -> AnyJob:
    """Marks the job running and returns it. Raises JobNotStartable where there is nothing to do."""
    with transaction.atomic():
        job = model._default_manager.select_for_update().filter(pk=job_id).first()
        if job is None or not job.is_open:
            raise JobNotStartable(f"{model.__name__} {job_id} is gone or done.")
        silent_since = now - job.touched_at
        if job.state == JobState.RUNNING and silent_since < dt.timedelta(seconds=stall_seconds):
            raise JobNotStartable(f"{model.__name__} {job_id} is running elsewhere.")
        job.state = JobState.RUNNING
        job.started_at = job.touched_at = now
        job.num_attempts += 1
        job.save(update_fields=["state", "started_at", "touched_at", "num_attempts"])
    return cast(AnyJob, job)


def beat_job(job: Job, *, now: dt.datetime) -> None:
    """A sign of life. Raises JobLost where the job was cancelled or is another worker's by now."""
    still_ours = type(job)._default_manager.filter(
        pk=job.pk, state=JobState.RUNNING, num_attempts=job.num_attempts
    )
    if not still_ours.update(touched_at=now):
        raise JobLost(f"{job} is no longer this worker's.")


def lock_for_result(job: AnyJob) -> AnyJob:
    """Locks the row inside the transaction that stores the job's result; raises JobLost as `beat_job` does."""
    locked = (
        type(job)
        ._default_manager.select_for_update()
        .filter(pk=job.pk, state=JobState.RUNNING, num_attempts=job.num_attempts)
        .first()
    )
    if locked is None:
        raise JobLost(f"{job} is no longer this worker's.")
    return cast(AnyJob, locked)


def check_open(job: Job) -> None:
    """Raises NotOpen where the job is done."""
    if not job.is_open:
        words = str(job)
        raise NotOpen(f"{words[:1].upper()}{words[1:]} is {job.get_state_display().lower()} already.")


def finish_job(job: Job, *, now: dt.datetime) -> None:
    """Closes a job whose result is stored in the same transaction."""
    _close(job, JobState.FINISHED, error="", now=now)


def fail_job(job: Job, *, error: str, now: dt.datetime) -> None:
    """Closes a job that can't succeed, with one sentence that says why; it stands on each of its items too."""
    _close(job, JobState.FAILED, error=error, now=now, also=job.fail_items(error))


def cancel_job(job: Job, *, now: dt.datetime) -> None:
    """Closes an open job at a person's wish; its worker notices at its next beat."""
    _close(job, JobState.CANCELLED, error="", now=now)


def _close(job: Job, state: JobState, *, error: str, now: dt.datetime, also: Collection[str] = ()) -> None:
    job.state, job.error, job.finished_at, job.touched_at = state, error, now, now
    job.save(update_fields=["state", "error", "finished_at", "touched_at", *also])


def reap_jobs(*, now: dt.datetime, stall_seconds: int, max_attempts: int) -> int:
    """Queues again what stalled; fails what stalled `max_attempts` times. Returns how many were queued again.

    A queued job is sent again only where its queue is empty (its message was lost); one that merely waits
    behind others is left alone.
    """
    num_sent = 0
    for model in _list_queued_models(Job.__subclasses__()):
        stalled = list(_list_stalled(model, now=now, stall_seconds=stall_seconds)[:1000])
        num_waiting = {task: jobs.count_waiting(task) for task in {job.task for job in stalled}}
        for job in stalled:
            if job.state == JobState.QUEUED and num_waiting[job.task] != 0:
                continue
            num_sent += _queue_again(model, job, now=now, max_attempts=max_attempts)
    return num_sent


def _list_queued_models(kinds: Iterable[type[Job]]) -> list[type[Job]]:
    """Those of the kinds, and of the kinds below them, that are queued themselves."""
    below = [model for kind in kinds for model in _list_queued_models(kind.__subclasses__())]
    return [kind for kind in kinds if kind.task_name and not kind._meta.abstract] + below


def _list_stalled(model: type[Job], *, now: dt.datetime, stall_seconds: int) -> QuerySet[Job]:
    """Chunks that wait while the whole is paused have not stalled."""
    stalled = model._default_manager.stalled(now=now, stall_seconds=stall_seconds)
    if not model.whole:
        return stalled
    return stalled.exclude(state=JobState.QUEUED, **{f"{model.whole}__paused_at__isnull": False})


def _queue_again(model: type[Job], stale: Job, *, now: dt.datetime, max_attempts: int) -> bool:
    """Takes the job from whoever had it, unless it moved since it was read."""
    with transaction.atomic():
        job = (
            model._default_manager.select_for_update(skip_locked=True)
            .filter(pk=stale.pk, state=stale.state, touched_at=stale.touched_at)
            .first()
        )
        if job is None:
            return False
        if job.num_attempts >= max_attempts:
            fail_job(
                job, error=f"Its worker died {job.num_attempts} times; the worker's log says why.", now=now
            )
            return False
        job.state, job.touched_at = JobState.QUEUED, now
        job.save(update_fields=["state", "touched_at"])
        jobs.queue_on_commit(job)
    logger.warning("%s stalled and was queued again", stale)
    return True
