"""Whose work the database does first where it shares a machine with the workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import paths
from config.engine.testing import running_postgres

ASK = """
import os, sys
os.nice(int(sys.argv[1]))
from config.celery import app
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_backend_pid()")
    print(os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, cursor.fetchone()[0]))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    with running_postgres(folder):
        yield folder


def ask(data: Path, *, steps_back: int) -> tuple[int, int]:
    """The priorities (nice values) of a process, and of the PostgreSQL process that answers it."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    answer = subprocess.run(
        [sys.executable, "-c", ASK, str(steps_back)],
        cwd=paths.BASE_DIR,
        env=environment | {"GRADUS_DATA": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, theirs = map(int, answer.stdout.split())
    return ours, theirs


def test_the_database_works_for_a_worker_at_the_workers_own_priority(data: Path) -> None:
    ours, theirs = ask(data, steps_back=7)

    assert ours >= 7
    assert theirs == ours


def test_it_works_for_pages_at_its_own(data: Path) -> None:
    here = os.nice(0)

    assert ask(data, steps_back=0) == (here, here)
