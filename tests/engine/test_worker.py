"""A worker in the middle of a task: what its end does to the process that works on it, and to the task.

Both are Celery's doing, and what the engine's stop and its `kill -9` rely on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from config import paths
from config.engine.process import Child, ChildSpec, read_log_tail
from config.engine.testing import running_valkey
from tests.engine.processes import is_alive, wait_for
from tests.engine.sleepy import app

LONG_BEFORE_ITS_TASK_ENDS = 12.0  # seconds, of 30; what it takes on an idle machine is one


@contextmanager
def busy_worker(data: Path) -> Iterator[tuple[Child, int, Path]]:
    """A worker, the pool process that sleeps on its only task, and the diary of who took the task."""
    diary = data / "diary.txt"
    spec = ChildSpec(
        name="worker",
        title="Worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", "tests.engine.sleepy", "worker", "-c", "1"),
            *("--without-gossip", "--without-mingle"),
        ),
        log=data / "worker.log",
        env={**os.environ, "SLEEPY_BROKER": paths.embedded_broker_url(data)},
        cwd=paths.BASE_DIR,
        stop_signal=signal.SIGQUIT,
        orphan_signal=signal.SIGKILL,
    )
    with app.connection_for_write(paths.embedded_broker_url(data)) as connection:
        app.send_task("sleepy.sleep_and_tell", [str(diary), 30], connection=connection)
    worker = Child(spec)
    try:
        assert wait_for(diary.exists, seconds=60), read_log_tail(spec.log)
        assert wait_for(lambda: diary.read_text().endswith("\n"), seconds=5)
        yield worker, int(diary.read_text()), diary
    finally:
        worker.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals orphans")
def test_a_pool_process_dies_with_its_worker_in_the_middle_of_a_task(data: Path) -> None:
    with running_valkey(data), busy_worker(data) as (worker, pool_process, _):
        assert pool_process != worker.pid

        os.kill(worker.pid, signal.SIGKILL)

        assert wait_for(lambda: not is_alive(pool_process), seconds=LONG_BEFORE_ITS_TASK_ENDS)


def test_a_stopped_worker_leaves_at_once_and_puts_its_task_back(data: Path) -> None:
    with running_valkey(data):
        with busy_worker(data) as (worker, pool_process, _):
            worker.send(worker.spec.stop_signal)

            assert worker.wait(LONG_BEFORE_ITS_TASK_ENDS), read_log_tail(worker.spec.log)
            assert not is_alive(pool_process)

        with redis.Redis(unix_socket_path=str(paths.valkey_socket(data))) as client:
            assert client.llen("celery") == 1
