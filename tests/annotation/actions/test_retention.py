"""What goes by age goes when its project says so, and nothing else goes."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from annotation.actions.retention import Removed, remove_what_is_old
from annotation.actions.sign_ins import note_session
from annotation.models import DryRun, ImportSource, JobState, Project, Rating
from annotation.queries.sign_ins import SessionStore, shorten_key
from tests.factories import (
    NOW,
    make_account,
    make_dry_run,
    make_import_source,
    make_project,
    make_prompt,
    make_rating,
)

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, settings: Any) -> Path:
    settings.UPLOADS_DIR = tmp_path
    return tmp_path


def upload(folder: Path, name: str, age: dt.timedelta, project: Project | None) -> Path:
    path = folder / name
    path.write_text("{}")
    made = (NOW - age).timestamp()
    os.utime(path, (made, made))
    if project:
        make_import_source(project, stored_name=name, file_format="jsonl")
    return path


@pytest.mark.parametrize(
    ("days", "age", "stays"), [(7, 8, False), (7, 6, True), (90, 89, True), (1, 2, False)]
)
def test_an_upload_is_kept_as_long_as_its_project_says(
    days: int, age: int, stays: bool, uploads: Path
) -> None:
    project = make_project(uploads_kept_days=days)
    path = upload(uploads, "a.jsonl", age * DAY, project)

    removed = remove_what_is_old(now=NOW)

    assert path.exists() == stays
    assert removed.num_uploads == (not stays)
    assert ImportSource.objects.count() == 1  # what it was stays to be read


def test_a_file_that_is_nobody_s_goes_after_a_day(uploads: Path) -> None:
    make_project(uploads_kept_days=900)
    old, new = upload(uploads, "old.jsonl", 2 * DAY, None), upload(uploads, "new.jsonl", DAY / 2, None)

    remove_what_is_old(now=NOW)

    assert (old.exists(), new.exists()) == (False, True)


def test_a_dry_run_is_kept_as_long_as_its_project_says() -> None:
    ended = {"state": JobState.FINISHED, "finished_at": NOW}
    short, long = make_project(dry_runs_kept_days=2), make_project(dry_runs_kept_days=20)
    for project in (short, long):
        for age in (1, 3):
            make_dry_run(make_prompt(project), queued_at=NOW - age * DAY, **ended)
    make_dry_run(make_prompt(short), queued_at=NOW - 3 * DAY)  # it waits for a worker still

    assert remove_what_is_old(now=NOW).num_dry_runs == 1

    assert DryRun.objects.filter(project=short).count() == 2
    assert DryRun.objects.filter(project=long).count() == 2


def test_sign_ins_that_are_over_leave_no_address() -> None:
    account = make_account()
    over, running = SessionStore(), SessionStore()
    for session in (over, running):
        session.create()
        key = str(session.session_key)
        note_session(account=account, key=key, ip="10.0.0.1", user_agent="Firefox", now=NOW - 30 * DAY)
        Session.objects.filter(session_key=shorten_key(key)).update(expire_date=NOW + DAY)
    Session.objects.filter(session_key=shorten_key(str(over.session_key))).update(expire_date=NOW - DAY)

    assert remove_what_is_old(now=NOW).num_sessions == 1

    kept = shorten_key(str(running.session_key))
    assert [row.session_key for row in UserSession.objects.all()] == [kept]
    assert [row.session_key for row in Session.objects.all()] == [kept]


def test_no_rating_goes_by_age_and_a_second_time_nothing_goes(uploads: Path) -> None:
    make_rating(submitted_at=NOW - 4000 * DAY)
    upload(uploads, "a.jsonl", 9 * DAY, make_project())

    first, second = remove_what_is_old(now=NOW), remove_what_is_old(now=NOW)

    assert (first.num_uploads, second) == (1, Removed(0, 0, 0))
    assert Rating.objects.count() == 1
