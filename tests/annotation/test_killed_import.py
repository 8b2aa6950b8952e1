"""kill -9 of an import's worker between two chunks and inside one: started again, each row is counted once."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from annotation.actions.import_rows import inspect_source, run_import
from annotation.actions.imports import ImportPlan, add_file_source, start_import
from annotation.models import Assignment, ImportRun, JobState, Prompt, Rating, Trace
from config.paths import BASE_DIR
from tests.annotation.test_killed_worker import name_database
from tests.factories import make_account, make_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(280)]
NUM_ROWS = 1_500
PATIENCE_SECONDS = 120

# Reads a row every so often, so that a kill meets it at work.
WORKER = """
import sys, time, django
django.setup()
from django.conf import settings
from pathlib import Path
settings.UPLOADS_DIR = Path(sys.argv[2])
from django.utils import timezone
from annotation.actions import import_rows
import_rows.ROWS_AT_ONCE = 50
read = import_rows.open_rows
def slowly(source):
    for row in read(source):
        time.sleep(0.002)
        yield row
import_rows.open_rows = slowly
import_rows.run_import(run_id=int(sys.argv[1]), clock=timezone.now)
"""


def start_worker(run: ImportRun, uploads: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": name_database(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    command = [sys.executable, "-c", WORKER, str(run.pk), str(uploads)]
    return subprocess.Popen(command, cwd=BASE_DIR, env=environment, stderr=subprocess.PIPE)


def wait_for_rows(run: ImportRun, num_rows: int, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while run.num_read < num_rows:
        if worker.poll() is not None:
            assert worker.stderr is not None
            raise AssertionError(worker.stderr.read().decode()[-2000:])
        assert time.monotonic() < deadline
        time.sleep(0.02)
        run.refresh_from_db()


@pytest.mark.slow
def test_an_import_killed_twice_stores_each_row_once(tmp_path: Path, settings: Any) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"
    path = tmp_path / "rows.jsonl"
    rows = (
        {"prompt": f"P{number % 1_000}", "steps": [f"x{number}", "y"], "labels": [1, number % 2]}
        for number in range(NUM_ROWS)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{oops\n")
    with path.open("rb") as file:
        source = add_file_source(
            project=make_project(), file=file, file_name=path.name, actor=make_account(), now=timezone.now()
        )
    inspect_source(source_id=source.pk, clock=timezone.now)
    source.refresh_from_db()
    plan = ImportPlan(
        layout="steps",
        mapping={"prompt": "prompt", "steps": "steps", "labels": "labels"},
        segmenter="auto@1",
        rater_name="Labels",
    )
    run = start_import(source=source, plan=plan, actor=make_account(), now=timezone.now())

    for num_rows in (50, 200):
        worker = start_worker(run, settings.UPLOADS_DIR)
        wait_for_rows(run, num_rows, worker)
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        ImportRun.objects.filter(pk=run.pk).update(touched_at=timezone.now() - dt.timedelta(minutes=5))
    run.refresh_from_db()
    num_before = run.num_read
    run_import(run_id=run.pk, clock=timezone.now)

    run.refresh_from_db()
    assert 200 <= num_before < NUM_ROWS
    assert (run.state, run.num_attempts) == (JobState.FINISHED, 3)
    assert (run.num_read, run.num_refused, run.num_duplicates) == (NUM_ROWS + 1, 1, 0)
    assert (run.num_prompts, run.num_traces, run.num_ratings) == (1_000, NUM_ROWS, NUM_ROWS)
    assert (Prompt.objects.count(), Trace.objects.count()) == (1_000, NUM_ROWS)
    assert (Rating.objects.count(), Assignment.objects.count()) == (NUM_ROWS, NUM_ROWS)
    assert run.refusals.get().number == NUM_ROWS + 1
