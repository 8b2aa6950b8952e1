"""Exports: started by a person, written by a worker, frozen once written."""

from __future__ import annotations

import datetime as dt
import errno
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import transaction

from annotation import jobs as background
from annotation.actions import jobs, merges
from annotation.actions.audit import record_event
from annotation.actions.beating import keep_beating
from annotation.merging.data import MergePolicy
from annotation.models import Account, JobState, MergeRun, Project
from annotation.models.job import OPEN_STATES
from annotation.queries.merge_runs import policy_of
from annotation.queries.merges import find_latest_merge
from exports.checks import CheckFailed
from exports.formats.dataset import FormName
from exports.models import Export, FileFormat
from exports.policy import CONFIGS, ExportPolicy, read_policy
from exports.queries import list_exports
from exports.snapshot import NothingToExport, Snapshot, release_snapshot, write_snapshot
from exports.verification import Check, Verifier
from exports.webhooks import announce_export
from exports.writing import Request

Clock = Callable[[], dt.datetime]
REPORT_SECONDS = 1.0
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class NoConfigs(Exception):
    """No dataset was chosen, or one that does not exist."""


class MergeUnfit(Exception):
    """The merge run can't be exported: another project's, failed, cancelled, or under way by another policy."""


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
    file_format: str = FileFormat.PARQUET,
    other_projects: Sequence[Project] = (),
) -> Export:
    """Queues an export of a merge run; given a merge policy, of a fresh merge, which the export's worker runs first.

    Where a merge of the project by the same policy is under way already, the export takes that one; while one by
    another policy is, no fresh one can start.
    `other_projects` go into the same files: of each, its latest finished merge by the same policy, or a fresh one where
    a fresh one is wanted or none finished. The caller has made sure that the actor may export them all.
    Raises NoConfigs, MergeUnfit, or NothingToMerge.
    """
    wanted = [config for config in CONFIGS if config in configs]
    if not wanted or len(wanted) != len(set(configs)):
        raise NoConfigs("Choose at least one dataset." if not configs else "There is no such dataset.")
    with transaction.atomic():
        run = _find_or_add_merge(project=project, merge=merge, actor=actor, now=now)
        others = [
            _find_or_add_merge(project=other, merge=_merge_of_other(other, merge), actor=actor, now=now)
            for other in sorted(set(other_projects) - {project}, key=lambda other: other.pk)
        ]
        export = Export.objects.create(
            project=project,
            created_by=actor,
            merge_run=run,
            configs=wanted,
            form=form,
            file_format=file_format,
            policy=policy.as_json(),
            queued_at=now,
            touched_at=now,
        )
        export.other_runs.set(others)
        record_event(
            actor=actor,
            verb="started an export",
            subject=export,
            now=now,
            project=project,
            configs=wanted,
            merge_run=run.pk,
            other_merge_runs=[other.pk for other in others],
        )
        background.queue_on_commit(export)
    return export


def cancel_export(*, export: Export, actor: Account, now: dt.datetime) -> None:
    """Stops a queued or running export; nothing of it is kept. Raises jobs.NotOpen."""
    with transaction.atomic():
        locked = Export.objects.select_for_update().get(pk=export.pk)
        jobs.check_open(locked)
        jobs.cancel_job(locked, now=now)
        record_event(actor=actor, verb="cancelled an export", subject=export, now=now, project=export.project)


def write_export(*, export_id: int, clock: Clock) -> None:
    """A worker's whole job. Raises JobNotStartable or JobLost where the export is not (any longer) this worker's."""
    export = jobs.start_job(Export, export_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    draft = _draft_of(export)
    try:
        with closing(Verifier(draft)) as verifier:
            snapshot = _write(export, draft, clock)
            checks = verifier.verify(snapshot.text_hashes, _Reporter(export, clock))
        _store(export, snapshot, checks, draft, clock)
    except (MergeUnfit, NothingToExport, CheckFailed, DiskFull) as error:
        with transaction.atomic():
            locked = jobs.lock_for_result(export)
            jobs.fail_job(locked, error=str(error), now=clock())
            announce_export(export=locked, now=clock())
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
            return _take_open_run(error.run, merge)
    if merge.project_id != project.pk:
        raise MergeUnfit("The merge run belongs to another project.")
    if merge.state not in (*OPEN_STATES, JobState.FINISHED):
        raise MergeUnfit(f"Merge {merge.pk} did not finish, so it has nothing to export.")
    return merge


def _take_open_run(run: MergeRun, wanted: MergePolicy) -> MergeRun:
    """The open run where it merges as wanted: labels by another policy would pass for those asked for."""
    if (found := policy_of(run)) != wanted:
        raise MergeUnfit(
            f"Merge {run.pk} of {run.project.name} is under way, by {found.words}, and this export asks for "
            f"{wanted.words}. Wait until it ends, or cancel it; or export that one."
        )
    return run


def _merge_of_other(project: Project, merge: MergeRun | MergePolicy) -> MergeRun | MergePolicy:
    """What a further project brings, where the export's own brings `merge`: labels by the same policy."""
    if isinstance(merge, MergePolicy):
        return merge
    policy = policy_of(merge)
    return find_latest_merge(project, policy) or policy


def _draft_of(export: Export) -> Path:
    return Path(settings.EXPORTS_DIR) / f".draft-{export.pk}-{export.num_attempts}"


def _write(export: Export, draft: Path, clock: Clock) -> Snapshot:
    others = list(export.other_runs.order_by("project_id").values_list("pk", flat=True))
    with keep_beating(export, clock=clock):
        run, *other_runs = [_await_merge(export, pk, clock) for pk in (export.merge_run_id, *others)]
    request = Request(
        run,
        read_policy(export.policy),
        tuple(export.configs),
        _form_of(export),
        file_format=export.file_format,
        other_runs=tuple(other_runs),
    )
    try:
        draft.parent.mkdir(parents=True, exist_ok=True)
        for leftover in draft.parent.glob(f"*.draft-{export.pk}-*"):  # of a worker that died, or of its check
            shutil.rmtree(leftover)
        return write_snapshot(request, draft, _Reporter(export, clock))
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise DiskFull(
                "The disk is full, so nothing was exported. Make room, then export again."
            ) from error
        raise


def _store(export: Export, snapshot: Snapshot, checks: list[Check], draft: Path, clock: Clock) -> None:
    """Gives the draft its name and the row its manifest, while nobody can cancel the export."""
    with transaction.atomic():
        locked = jobs.lock_for_result(export)
        release_snapshot(draft, draft.parent, snapshot.content_hash)
        locked.manifest, locked.content_hash = snapshot.manifest, snapshot.content_hash
        locked.checks = checks
        locked.save(update_fields=["manifest", "content_hash", "checks"])
        jobs.finish_job(locked, now=clock())
        announce_export(export=locked, now=clock())


def _form_of(export: Export) -> FormName:
    return "conversational" if export.form == "conversational" else "standard"


def _await_merge(export: Export, run_id: int, clock: Clock) -> MergeRun:
    """The finished merge run: runs it where nobody has yet, waits where another worker is at it."""
    while True:
        run = cast(MergeRun, MergeRun.objects.select_related("project").get(pk=run_id))
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
