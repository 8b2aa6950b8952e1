"""A worker's part in an import: a look at the source, and the run through its rows. Loads `datasets`."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.actions import jobs
from annotation.actions.guarded_work import WorkFailed, guard_work
from annotation.actions.import_prepare import Refused, prepare_chunk, prepare_row
from annotation.actions.import_store import store_chunk, store_refusals
from annotation.actions.imports import upload_folder
from annotation.importing.file_rows import count_rows, read_file
from annotation.importing.hub_rows import HubSource, count_hub_rows, read_hub
from annotation.importing.rows import Row, SourceUnreadable, make_sample
from annotation.models import ImportRun, ImportSource, SourceFormat

logger = logging.getLogger(__name__)

Clock = Callable[[], dt.datetime]
NUM_SAMPLED = 8
ROWS_AT_ONCE = 500
_LONGEST_SAMPLE = 20_000  # characters of a text: enough for a preview to be read as the whole would be
_MOST_REFUSALS_TOLD = 1_000  # of an import that takes all or nothing


def inspect_source(*, source_id: int, clock: Clock) -> None:
    """Stores the source's columns, first rows and number of rows; or why it can't be read.

    Raises JobNotStartable or JobLost where the source is not (any longer) this worker's.
    """
    source = jobs.start_job(ImportSource, source_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    try:
        with guard_work(source, clock=clock), _explain_missing_files(source, clock):
            sample = list(islice(open_rows(source), NUM_SAMPLED))
            if not sample:
                raise SourceUnreadable("The source holds no rows.")
            num_rows = _count_rows(source)
    except WorkFailed as error:
        _fail(source, error=str(error), now=clock())
        return
    columns = list(dict.fromkeys(name for row in sample for name in row.values))
    with transaction.atomic():
        locked = jobs.lock_for_result(source)
        locked.columns = list(make_sample(Row(0, dict.fromkeys(columns))))
        locked.sample = [
            {
                "number": row.number,
                "values": make_sample(row, longest=_LONGEST_SAMPLE),
                "fault": row.fault,
            }
            for row in sample
        ]
        locked.num_rows = num_rows
        locked.save(update_fields=["columns", "sample", "num_rows"])
        jobs.finish_job(locked, now=clock())


def run_import(*, run_id: int, clock: Clock) -> None:
    """Reads the source from where the run had got to, and stores it chunk by chunk: whatever crashes, each row is
    counted once. Memory does not grow with the source.

    Raises JobNotStartable or JobLost where the run is not (any longer) this worker's, or was cancelled.
    """
    run = jobs.start_job(ImportRun, run_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    try:
        with guard_work(run, clock=clock), _explain_missing_files(run.source, clock):
            if run.is_all_or_nothing and run.num_read == 0 and (refused := _find_refusals(run)):
                _refuse_all(run, refused, now=clock())
                return
            rows = islice(open_rows(run.source), run.num_read, run.max_rows)
            while chunk := list(islice(rows, ROWS_AT_ONCE)):
                store_chunk(run, prepare_chunk(run, chunk), now=clock())
    except WorkFailed as error:
        _fail(run, error=str(error), now=clock())
        return
    with transaction.atomic():
        jobs.finish_job(jobs.lock_for_result(run), now=clock())


def open_rows(source: ImportSource) -> Iterator[Row]:
    """The source's rows from the first on. Raises SourceUnreadable, also between two rows."""
    if source.file_format == SourceFormat.HUB:
        return read_hub(_describe(source), folders=_list_folders())
    return read_file(upload_folder() / source.stored_name, source.file_format)


def _count_rows(source: ImportSource) -> int | None:
    if source.file_format == SourceFormat.HUB:
        return count_hub_rows(_describe(source), folders=_list_folders())
    return count_rows(upload_folder() / source.stored_name, source.file_format)


def _describe(source: ImportSource) -> HubSource:
    return HubSource(name=source.name, config=source.config, split=source.split)


def _list_folders() -> list[Path]:
    return [Path(folder) for folder in settings.DATASET_FOLDERS]


def _find_refusals(run: ImportRun) -> list[Refused]:
    """The first rows that would be refused, before anything is stored."""
    rows = islice(open_rows(run.source), run.max_rows)
    prepared = (prepare_row(run, row) for row in rows)
    return list(islice((one for one in prepared if isinstance(one, Refused)), _MOST_REFUSALS_TOLD))


def _refuse_all(run: ImportRun, refused: list[Refused], *, now: dt.datetime) -> None:
    rows = "1 row" if len(refused) == 1 else f"{len(refused):,} rows"
    more = " or more" if len(refused) == _MOST_REFUSALS_TOLD else ""
    with transaction.atomic():
        locked = jobs.lock_for_result(run)
        locked.num_read = locked.num_refused = store_refusals(locked, refused)
        locked.save(update_fields=["num_read", "num_refused"])
        error = f"{rows}{more} can't be taken, so nothing was stored, as you asked."
        jobs.fail_job(locked, error=error, now=now)


@contextmanager
def _explain_missing_files(source: ImportSource, clock: Clock) -> Iterator[None]:
    """Raises SourceUnreadable where the uploaded file is not there."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceUnreadable(_explain_missing_file(source, now=clock())) from error


def _explain_missing_file(source: ImportSource, *, now: dt.datetime) -> str:
    days = source.project.uploads_kept_days
    if now - source.queued_at > dt.timedelta(days=days):
        kept = "1 day" if days == 1 else f"{days} days"
        return f"The uploaded file is gone: it was kept for {kept}. Upload it again."
    return (
        "The worker does not find the uploaded file. Where web server and workers are on several machines, they share "
        "the folder “uploads” in GRADUS_DATA; a site administrator can set that up. Then upload it again."
    )


def _fail(job: ImportSource | ImportRun, *, error: str, now: dt.datetime) -> None:
    with transaction.atomic():
        jobs.fail_job(jobs.lock_for_result(job), error=error, now=now)
