"""Exports: started by a person, written by a worker, frozen once written."""

from __future__ import annotations

import datetime as dt
import errno
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation import jobs as background
from annotation.actions import jobs, merges
from annotation.actions.audit import record_event
from annotation.actions.beating import keep_beating
from annotation.merging.data import MergePolicy
from annotation.models import Account, JobState, MergeRun, Project
from annotation.models.job import OPEN_STATES
from annotation.queries.merges import list_merge_runs
from exports.checks import CheckFailed
from exports.formats.dataset import FormName
from exports.models import Export
from exports.policy import CONFIGS, ExportPolicy, read_policy
from exports.queries import list_exports
from exports.snapshot import NothingToExport, Snapshot, release_snapshot, write_snapshot
from exports.writing import Request

Clock = Callable[[], dt.datetime]
REPORT_SECONDS = 1.0
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class NoConfigs(Exception):
    """No dataset was chosen, or one that does not exist."""


class MergeUnfit(Exception):
    """The merge run can't be exported: another project's, failed or cancelled."""


class ExportNotOpen(Exception):
    """The export is done already; there is nothing to cancel."""


class DiskFull(Exception):
    """There is no room for the files."""


def start_export(
    *,
    project: Project,
    merge: MergeRun | MergePolicy,
    configs: Sequence[str],
    form: FormName,
    policy: ExportPolicy,
    actor: Account,
    now: dt.datetime,
) -> Export:
    """Queues an export of a merge run; given a merge policy, of a fresh merge, which the export's worker runs first.

    Where a merge of the project is under way already, a fresh one waits for nobody: the export takes that one.
    Raises NoConfigs, MergeUnfit, or NothingToMerge.
    """
    wanted = [config for config in CONFIGS if config in configs]
    if not wanted or len(wanted) != len(set(configs)):
        raise NoConfigs("Choose at least one dataset." if not configs else "There is no such dataset.")
    with transaction.atomic():
        run = _find_or_add_merge(project=project, merge=merge, actor=actor, now=now)
        export = Export.objects.create(
            project=project,
            created_by=actor,
            merge_run=run,
            configs=wanted,
            form=form,
            policy=policy.as_json(),
            queued_at=now,
            touched_at=now,
        )
        record_event(
            actor=actor,
            verb="started an export",
            subject=export,
            now=now,
            project=project,
            configs=wanted,
            merge_run=run.pk,
        )
        background.queue_on_commit(export)
    return export


def cancel_export(*, export: Export, actor: Account, now: dt.datetime) -> None:
    """Stops a queued or running export; nothing of it is kept. Raises ExportNotOpen."""
    with transaction.atomic():
        locked = Export.objects.select_for_update().get(pk=export.pk)
        if not locked.is_open:
            raise ExportNotOpen(f"{export} is {locked.get_state_display().lower()} already.")
        jobs.cancel_job(locked, now=now)
        record_event(actor=actor, verb="cancelled an export", subject=export, now=now, project=export.project)


def write_export(*, export_id: int, clock: Clock) -> None:
    """A worker's whole job. Raises JobNotStartable or JobLost where the export is not (any longer) this worker's."""
    export = jobs.start_job(Export, export_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    draft = _draft_of(export)
    try:
        _store(export, _write(export, draft, clock), draft, clock)
    except (MergeUnfit, NothingToExport, CheckFailed, DiskFull) as error:
        with transaction.atomic():
            jobs.fail_job(jobs.lock_for_result(export), error=str(error), now=clock())
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def await_export(export_id: int) -> Export:
    """The export once it is closed, whoever writes it."""
    while (export := list_exports().get(pk=export_id)).is_open:
        time.sleep(REPORT_SECONDS)
    return export


def folder_of(export: Export) -> Path:
    """Where a finished export's files lie."""
    return Path(settings.EXPORTS_DIR) / export.content_hash


def _find_or_add_merge(
    *, project: Project, merge: MergeRun | MergePolicy, actor: Account, now: dt.datetime
) -> MergeRun:
    if isinstance(merge, MergePolicy):
        try:
            return merges.add_merge_run(project=project, policy=merge, actor=actor, now=now)
        except merges.MergeAlreadyOpen as error:
            return error.run
    if merge.project_id != project.pk:
        raise MergeUnfit("The merge run belongs to another project.")
    if merge.state not in (*OPEN_STATES, JobState.FINISHED):
        raise MergeUnfit(f"Merge {merge.pk} did not finish, so it has nothing to export.")
    return merge


def _draft_of(export: Export) -> Path:
    return Path(settings.EXPORTS_DIR) / f".draft-{export.pk}-{export.num_attempts}"


def _write(export: Export, draft: Path, clock: Clock) -> Snapshot:
    with keep_beating(export, clock=clock):
        run = _await_merge(export, clock)
    request = Request(run, read_policy(export.policy), tuple(export.configs), _form_of(export))
    try:
        draft.parent.mkdir(parents=True, exist_ok=True)
        for leftover in draft.parent.glob(f".draft-{export.pk}-*"):  # of a worker that died
            shutil.rmtree(leftover)
        return write_snapshot(request, draft, _Reporter(export, clock))
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise DiskFull(
                "The disk is full, so nothing was exported. Make room, then export again."
            ) from error
        raise


def _store(export: Export, snapshot: Snapshot, draft: Path, clock: Clock) -> None:
    """Gives the draft its name and the row its manifest, while nobody can cancel the export."""
    with transaction.atomic():
        locked = jobs.lock_for_result(export)
        release_snapshot(draft, draft.parent, snapshot.content_hash)
        locked.manifest, locked.content_hash = snapshot.manifest, snapshot.content_hash
        locked.save(update_fields=["manifest", "content_hash"])
        jobs.finish_job(locked, now=clock())


def _form_of(export: Export) -> FormName:
    return "conversational" if export.form == "conversational" else "standard"


def _await_merge(export: Export, clock: Clock) -> MergeRun:
    """The finished merge run: runs it where nobody has yet, waits where another worker is at it."""
    while True:
        run = list_merge_runs(export.project).select_related("project").get(pk=export.merge_run_id)
        if run.state == JobState.FINISHED:
            return run
        if run.state not in OPEN_STATES:
            raise MergeUnfit(run.error or f"Merge {run.pk} was cancelled, so there is nothing to export.")
        _Reporter(export, clock)("Merging")
        try:
            merges.run_merge(run_id=run.pk, clock=clock)
        except jobs.JobNotStartable:
            time.sleep(REPORT_SECONDS)
        except jobs.JobLost:
            continue  # cancelled, or taken over; its row says which


class _Reporter:
    """Stores what the export is doing, and beats, at most once a second."""

    def __init__(self, export: Export, clock: Clock) -> None:
        self._export, self._clock = export, clock
        self._reported_at = float("-inf")

    def __call__(self, progress: str) -> None:
        if time.monotonic() - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = time.monotonic()
        jobs.beat_job(self._export, now=self._clock())
        self._export.progress = progress
        self._export.save(update_fields=["progress"])
