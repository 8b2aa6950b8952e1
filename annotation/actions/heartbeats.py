"""Signs of life from a worker that stops often enough to give them itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from annotation.actions.jobs import beat_job
from annotation.models import Job

Clock = Callable[[], dt.datetime]
_BEAT_SECONDS = 1.0


class Heartbeat:
    """Beats for a job at most once a second, however often it is called."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._last: dt.datetime | None = None

    def beat(self) -> bool:
        """False, meaning: do not stop. Raises JobLost where the job was cancelled or is another worker's."""
        now = self._clock()
        if self._last is None or (now - self._last).total_seconds() >= _BEAT_SECONDS:
            beat_job(self._job, now=now)
            self._last = now
        return False
