"""Signs of life from a worker whose one long computation can't stop to give them."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error as DatabaseProblem
from django.db import connection

from annotation.actions.jobs import JobLost, beat_job
from annotation.models import Job

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0


@contextmanager
def keep_beating(
    job: Job, *, clock: Callable[[], dt.datetime], every_seconds: float | None = None
) -> Iterator[None]:
    """Beats for the job from a thread of its own, on its own connection, for as long as the block runs; every
    BEAT_SECONDS unless told otherwise.

    A job that was lost meanwhile is not interrupted: `lock_for_result` refuses its result at the end.
    """
    is_done = threading.Event()
    thread = threading.Thread(
        target=_beat_until,
        args=(is_done, job, clock, every_seconds or BEAT_SECONDS),
        name=f"beat of {job}",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _beat_until(
    is_done: threading.Event, job: Job, clock: Callable[[], dt.datetime], every_seconds: float
) -> None:
    try:
        while not is_done.wait(every_seconds):
            try:
                beat_job(job, now=clock())
            except JobLost:
                return
            except DatabaseProblem as error:  # the next beat may reach it again
                logger.warning("A beat for %s failed: %s", job, error)
                connection.close()
    finally:
        connection.close()
