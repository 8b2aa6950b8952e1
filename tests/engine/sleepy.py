"""A Celery application with one long task, for a worker to be killed in the middle of."""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery

# Not the current application: importing this module must not send other tests' jobs elsewhere.
app = Celery("sleepy", broker=os.environ.get("SLEEPY_BROKER"), set_as_current=False)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@app.task(name="sleepy.sleep_and_tell")
def sleep_and_tell(path: str, seconds: float) -> None:
    """Write down who works on it, then take long."""
    with Path(path).open("a") as diary:
        diary.write(f"{os.getpid()}\n")
    time.sleep(seconds)
