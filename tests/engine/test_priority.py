"""Whose work the database does first where it shares a machine with the workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import paths, priority
from config.engine.testing import running_postgres

ASK = """
import os, pathlib, sys
from celery.signals import worker_init
AUTOGROUPS = pathlib.Path("/proc/self/autogroup")
os.nice(int(sys.argv[1]))
from config.celery import app
import django
django.setup()
worker_init.send(sender=None)  # as Celery does; it closes connections
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid()")
    backend = cursor.fetchone()[0]
for pid in (os.getpid(), backend):
    session = pathlib.Path(f"/proc/{pid}/autogroup").read_text().split()[-1] if AUTOGROUPS.exists() else "none"
    print(os.getpriority(os.PRIO_PROCESS, pid), session)
"""
AUTOGROUPS = Path("/proc/self/autogroup")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    with running_postgres(folder):
        yield folder


def ask(data: Path, *, steps_back: int) -> list[tuple[str, str]]:
    """The priorities (nice values) of a process with a session to itself and of the PostgreSQL process that answers it:
    each one's own, and its session's."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    answer = subprocess.run(
        [sys.executable, "-c", ASK, str(steps_back)],
        cwd=paths.BASE_DIR,
        env=environment | {"GRADUS_DATA": str(data)},
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    process, backend = (tuple(line.split()) for line in answer.stdout.splitlines())
    return [(process[0], process[1]), (backend[0], backend[1])]


def session(steps_back: int) -> str:
    return str(steps_back) if AUTOGROUPS.exists() else "none"


def test_the_database_works_for_a_worker_at_the_workers_own_priority(data: Path) -> None:
    worker, backend = ask(data, steps_back=7)

    assert int(worker[0]) >= 7
    assert backend == worker


@pytest.mark.skipif(not AUTOGROUPS.exists(), reason="this system compares priorities across sessions")
def test_a_worker_s_session_and_its_database_s_stand_back_as_far_as_they_do(data: Path) -> None:
    worker, backend = ask(data, steps_back=7)

    assert worker == (worker[0], worker[0])
    assert backend == worker


def test_it_works_for_pages_at_its_own(data: Path) -> None:
    here = (str(os.nice(0)), session(0))

    assert ask(data, steps_back=0) == [here, here]


@pytest.mark.skipif(not AUTOGROUPS.exists(), reason="this system compares priorities across sessions")
def test_a_worker_in_a_session_with_others_leaves_theirs_as_it_is() -> None:
    before = AUTOGROUPS.read_text()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        priority.stand_back(17, pid=worker.pid)

        assert os.getpriority(os.PRIO_PROCESS, worker.pid) == 17
        assert AUTOGROUPS.read_text() == before
        worker.communicate(b"\n")


def test_a_process_that_ended_meanwhile_is_no_error() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = priority.ours()

    priority.stand_back(17, pid=ended.pid)

    assert priority.ours() == here
