"""Imports as a person starts them: a source to look at, then a run that stores what its columns were said to mean."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from annotation import jobs as background
from annotation.actions import jobs
from annotation.actions.audit import record_event
from annotation.importing.file_rows import find_format
from annotation.importing.hub_names import check_name
from annotation.importing.layouts import LAYOUTS, check_mapping
from annotation.importing.rows import list_columns, read_sample
from annotation.models import Account, ImportRun, ImportSource, JobState, Project, SourceFormat
from annotation.rules.segmentation import SEGMENTERS, UnknownSegmenter
from rl_bridge.verifiers import VERIFIERS


class SourceNotReady(Exception):
    """The source is still being looked at, or could not be read."""


class NoRater(Exception):
    """The layout brings labels, and nobody said whose ratings they become."""

    def __init__(self) -> None:
        super().__init__("Say whose ratings the labels become: a name, such as the data set's.")


class UnknownVerifier(Exception):
    """There is no verifier of that name."""


@dataclass(frozen=True)
class ImportPlan:
    """What a source's rows mean; the names are ImportRun's. An empty `rater_name` leaves labels out."""

    layout: str
    mapping: Mapping[str, str]
    verifier: str = ""
    segmenter: str = ""
    model_name: str = ""
    rater_name: str = ""
    max_rows: int | None = None
    is_all_or_nothing: bool = False


def add_file_source(
    *, project: Project, file: IO[bytes], file_name: str, actor: Account, now: dt.datetime
) -> ImportSource:
    """Keeps an uploaded file and has a worker look at it. Raises SourceUnreadable for a name of no known format."""
    file_format = find_format(file_name)
    stored = upload_folder() / f"{uuid.uuid4().hex}.{file_format}"
    with stored.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    try:
        return _add_source(
            project, actor, now, name=file_name[-200:], file_format=file_format, stored_name=stored.name
        )
    except BaseException:
        stored.unlink(missing_ok=True)
        raise


def add_hub_source(
    *, project: Project, name: str, config: str, split: str, actor: Account, now: dt.datetime
) -> ImportSource:
    """Has a worker look at a Hugging Face data set, by its name or its folder on the server. Raises SourceUnreadable
    for what is neither."""
    check_name(name)
    return _add_source(
        project, actor, now, name=name, file_format=SourceFormat.HUB, config=config, split=split
    )


def start_import(*, source: ImportSource, plan: ImportPlan, actor: Account, now: dt.datetime) -> ImportRun:
    """Queues the import. Raises SourceNotReady, BadMapping, NoRater, UnknownVerifier or UnknownSegmenter."""
    if source.state != JobState.FINISHED:
        raise SourceNotReady("The source has not been read; there is nothing to import yet.")
    layout = LAYOUTS[plan.layout]
    check_mapping(layout, plan.mapping, list_columns(source.columns, read_sample(source.sample)))
    if plan.verifier and plan.verifier not in VERIFIERS:
        raise UnknownVerifier(f"There is no verifier “{plan.verifier}”.")
    if layout.has_traces and plan.segmenter not in SEGMENTERS:
        raise UnknownSegmenter(f"There is no segmenter “{plan.segmenter}”.")
    if layout.has_labels and not plan.rater_name.strip():
        raise NoRater
    with transaction.atomic():
        run = ImportRun.objects.create(
            project_id=source.project_id,
            source=source,
            created_by=actor,
            layout=layout.key,
            mapping=dict(plan.mapping),
            verifier=plan.verifier,
            segmenter=plan.segmenter if layout.has_traces else "",
            model_name=plan.model_name if layout.has_traces else "",
            rater=_ensure_rater(plan.rater_name) if layout.has_labels else None,
            max_rows=plan.max_rows,
            is_all_or_nothing=plan.is_all_or_nothing,
            queued_at=now,
            touched_at=now,
        )
        record_event(
            actor=actor,
            verb="started an import",
            subject=run,
            now=now,
            project=run.project,
            source=source.name,
            layout=layout.key,
        )
        background.queue_on_commit(run)
    return run


def cancel_import(*, run: ImportRun, actor: Account, now: dt.datetime) -> None:
    """Stops the import; what it has stored stays. Raises jobs.NotOpen."""
    with transaction.atomic():
        locked = cast(ImportRun, ImportRun.objects.select_for_update(of=("self",)).get(pk=run.pk))
        jobs.check_open(locked)
        jobs.cancel_job(locked, now=now)
        record_event(actor=actor, verb="cancelled an import", subject=locked, now=now, project=locked.project)


def upload_folder() -> Path:
    """Where uploaded files wait for their import; shared by web servers and workers."""
    folder: Path = settings.UPLOADS_DIR
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _add_source(project: Project, actor: Account, now: dt.datetime, **fields: str) -> ImportSource:
    with transaction.atomic():
        source = ImportSource.objects.create(
            project=project, created_by=actor, queued_at=now, touched_at=now, **fields
        )
        background.queue_on_commit(source)
    return source


def _ensure_rater(name: str) -> Account:
    """The account that imported ratings of this name belong to: it can't sign in, and says that it was imported.

    A person's account of the same name is never taken for it.
    """
    shown = f"{name.strip()[:100]} (imported)"
    username = f"imported-{slugify(name)[:80] or 'rater'}"
    for number in range(1, 1000):
        tried = username if number == 1 else f"{username}-{number}"
        account, is_new = Account.objects.get_or_create(
            username=tried, defaults={"display_name": shown, "is_active": False}
        )
        if is_new:
            account.set_unusable_password()
            account.save(update_fields=["password"])
        if is_new or (not account.is_active and account.display_name == shown):
            return account
    raise NoRater
