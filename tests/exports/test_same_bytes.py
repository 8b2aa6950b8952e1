"""The same rows give the same bytes: on an installation restored from the backup, with its worker killed midway."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from annotation.actions import backups, jobs
from annotation.actions.backup_tables import TABLES
from annotation.models import Account, AuditEvent, JobState, MergedTrace, MergeRun, Project, Role
from config.paths import BASE_DIR
from exports import actions
from exports.formats.dataset import FormName
from exports.models import Export
from tests.annotation.test_killed_worker import name_database
from tests.exports.worlds import LATER, World, clock, make_world, start_export, write_export
from tests.factories import NOW, make_member, make_prompt, make_trace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(200)]
PATIENCE_SECONDS = 60
STALLED = 3600
WORKER = """
import sys, time
from pathlib import Path
import django
django.setup()
from django.conf import settings
from django.db import connection
from django.utils import timezone
from exports import actions, files
settings.EXPORTS_DIR = Path(sys.argv[2])
add = files.DataFile.add
def add_slowly(self, row, text):
    add(self, row, text)
    if self.num_rows == 3:
        self.flush()
        Path(sys.argv[3]).touch()
        time.sleep(600)
files.DataFile.add = add_slowly
actions.write_export(export_id=int(sys.argv[1]), clock=timezone.now)
"""


def read_bytes(export: Export) -> dict[str, bytes]:
    folder = actions.folder_of(export)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wipe() -> None:
    """An installation without a project and without people."""
    Export.objects.all().delete()
    for model in (MergedTrace, MergeRun):
        model._default_manager.all().delete()
    log = (
        AuditEvent._meta.db_table
    )  # its triggers refuse every change; an empty installation has none of its lines
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {log} DISABLE TRIGGER USER")
        AuditEvent.objects.all().delete()
        cursor.execute(f"ALTER TABLE {log} ENABLE TRIGGER USER")
    for table in reversed(TABLES):
        if table.model is not Account:
            table.model._default_manager.all().delete()
    Project.objects.all().delete()
    Account.objects.all().delete()


def move_to_an_empty_installation(world: World) -> Project:
    lines = list(backups.write_backup(project=world.project, made_by={"command": "a test"}))
    wipe()
    return backups.restore_backup(lines=lines, actor=None, now=LATER)


def export_again(project: Project, form: FormName) -> Export:
    return actions.start_export(
        project=project,
        merge=actions.MergePolicy(),
        configs=actions.CONFIGS,
        form=form,
        policy=actions.ExportPolicy(),
        actor=Account.objects.get(username="engineer"),
        now=LATER,
    )


def make_world_with_an_engineer() -> World:
    world = make_world(slug="same-bytes")
    Account.objects.filter(pk=world.engineer.pk).update(username="engineer")
    make_member(world.project, Role.ADMIN)
    return world


@pytest.mark.parametrize("form", ["standard", "conversational"])
def test_a_project_restored_on_an_empty_installation_exports_the_same_bytes(
    form: FormName, exports_dir: Path
) -> None:
    world = make_world_with_an_engineer()
    first = write_export(start_export(world, form=form))
    before = read_bytes(first)
    exports_dir.rename(exports_dir.with_name("first"))

    second = write_export(export_again(move_to_an_empty_installation(world), form))

    assert second.content_hash == first.content_hash
    assert read_bytes(second) == before
    assert "manifest.json" in before
    assert sum(name.endswith(".parquet") for name in before) >= 7


def test_a_worker_killed_midway_leaves_no_trace_in_the_bytes(exports_dir: Path, tmp_path: Path) -> None:
    world = make_world_with_an_engineer()
    before = read_bytes(write_export(start_export(world)))
    exports_dir.rename(exports_dir.with_name("first"))
    export = export_again(move_to_an_empty_installation(world), "standard")

    kill_midway(export, tmp_path)
    half_written = list(exports_dir.glob(f".draft-{export.pk}-*/*/*.draft"))
    later = LATER + dt.timedelta(days=365)
    jobs.reap_jobs(now=later, stall_seconds=STALLED, max_attempts=5)
    export = write_export(export)

    assert half_written, "the worker was killed before it wrote anything"
    assert export.state == JobState.FINISHED
    assert export.num_attempts == 2
    assert read_bytes(export) == before
    assert not list(exports_dir.glob(".draft-*"))


def kill_midway(export: Export, folder: Path) -> None:
    """Starts a process that writes the export, and kills it with rows on the disk."""
    marker, log = folder / "midway", folder / "worker.log"
    environment = {
        **os.environ,
        "DATABASE_URL": name_database(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(BASE_DIR),
    }
    command = [sys.executable, "-c", WORKER, str(export.pk), str(settings.EXPORTS_DIR), str(marker)]
    with log.open("wb") as output:
        worker = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=output, stderr=output)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while not marker.exists():
            assert worker.poll() is None, log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()


def test_ids_that_move_alike_change_no_label() -> None:
    """Where ids are taken a copy gets others in the same order: every posterior keeps every bit."""
    world = make_world_with_an_engineer()
    lines = list(backups.write_backup(project=world.project, made_by={"command": "a test"}))
    write_export(start_export(world))
    first = list(MergedTrace.objects.order_by("trace").values_list("posterior", "provenance"))
    wipe()
    other = make_prompt()
    for _ in range(120):  # so that the copy's ids have one digit more, here and there
        make_trace(other)

    project = backups.restore_backup(lines=lines, actor=None, now=LATER)
    write_export(export_again(project, "standard"))

    again = MergedTrace.objects.filter(trace__project=project).order_by("trace")
    assert list(again.values_list("posterior", "provenance")) == first
    assert NOW < LATER and clock() == LATER
