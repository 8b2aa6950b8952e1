"""What is kept for a while only: uploaded files and dry runs, for as long as their project says, and sign-ins that are
over. Ratings, and whatever labels rest on, are never removed by age; nor is the audit log."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import cast

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet, Value

from annotation.actions.imports import upload_folder
from annotation.models import DryRun, ImportSource, JobState

_CLOSED = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Removed:
    num_uploads: int
    num_dry_runs: int
    num_sessions: int


def remove_what_is_old(*, now: dt.datetime) -> Removed:
    """Removes what was kept long enough. Run again, or by two at once, it removes nothing more."""
    return Removed(
        num_uploads=_remove_uploads(now),
        num_dry_runs=_remove_dry_runs(now),
        num_sessions=_remove_sessions(now),
    )


def _remove_uploads(now: dt.datetime) -> int:
    """By the file's own age, which counts from when it was whole. One that no source names belongs to no project and is
    kept for the shortest time that one may have: it was left by an upload that broke off."""
    sources = cast("QuerySet[ImportSource]", ImportSource.objects.all())
    stored = sources.exclude(stored_name="").values_list("stored_name", "project__uploads_kept_days")
    days = dict(stored)
    num = 0
    for path in upload_folder().iterdir():
        kept = days.get(path.name, 1) * _ONE_DAY
        if path.is_file() and now.timestamp() - path.stat().st_mtime > kept.total_seconds():
            path.unlink(missing_ok=True)
            num += 1
    return num


def _remove_dry_runs(now: dt.datetime) -> int:
    kept = ExpressionWrapper(F("project__dry_runs_kept_days") * Value(_ONE_DAY), output_field=DurationField())
    old = DryRun.objects.filter(state__in=_CLOSED, queued_at__lt=Value(now) - kept)
    return old.delete()[0]


def _remove_sessions(now: dt.datetime) -> int:
    """Sign-ins hold an address and a browser: they go with the session."""
    with transaction.atomic():
        num, _ = Session.objects.filter(expire_date__lt=now).delete()
        running = Session.objects.values("session_key")
        UserSession.objects.exclude(session_key__in=running).filter(created_at__lt=now - _ONE_DAY).delete()
    return num
