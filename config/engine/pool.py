"""Imported by Celery workers (`-I`): ties each pool process to its worker.

The supervisor's death ends the worker, but not what the worker forked: a pool process in the middle of a task
would finish it beside the new worker that took the task over.
"""

from __future__ import annotations

import os
import signal

from celery.signals import worker_process_init

from config.engine.process import die_with_parent

_WORKER_PID = os.getpid()  # this module is imported before the pool forks


@worker_process_init.connect
def tie_to_worker(**_: object) -> None:
    """Have the kernel end this pool process when its worker ends, however that one ends."""
    die_with_parent(signal.SIGKILL, parent_pid=_WORKER_PID)
