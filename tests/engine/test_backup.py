"""A backup is proved by restoring it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from annotation.actions.audit import record_event
from annotation.models import Account, AuditEvent, Project, Rating, Trace
from annotation.queries.sign_ins import SessionStore
from config.engine.binaries import find_postgres
from config.engine.errors import EngineError
from config.engine.restoring import restore_dump
from tests.factories import NOW, make_account, make_project, make_rating, make_trace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> Path:
    settings.EXPORTS_DIR, settings.UPLOADS_DIR = tmp_path / "exports", tmp_path / "uploads"
    (tmp_path / "exports" / "7").mkdir(parents=True)
    (tmp_path / "exports" / "7" / "manifest.json").write_text("{}")
    return tmp_path


def tell(*command: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def read_everything() -> dict[str, list[Any]]:
    models = (Account, Project, Trace, Rating, AuditEvent)
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def test_what_was_backed_up_comes_back_to_the_last_row_and_file(folders: Path) -> None:
    rating = make_rating(make_trace(steps=("A “step”,\n", "\x1b[31mred", "ende.")), labels=(1, 0, -1))
    record_event(actor=rating.rater, verb="joined", subject=rating.rater, now=NOW)
    before, file = read_everything(), folders / "all.tar"

    said = tell("backup", file)
    make_project(slug="too-late")
    Rating.objects.update(labels=[1, 1, 1])
    (folders / "exports" / "7" / "manifest.json").write_text("changed")
    (folders / "exports" / "8").mkdir()
    tell("restore", file, replace=True)

    after = read_everything()
    assert after["AuditEvent"].pop()["verb"] == "restored a backup"
    assert after == before
    assert (folders / "exports" / "7" / "manifest.json").read_text() == "{}"
    assert not (folders / "exports" / "8").exists()
    assert "Keep the secret key" in said
    assert file.stat().st_mode & 0o077 == 0


def test_after_a_restore_rows_go_on_where_they_were_and_the_audit_log_still_only_grows(folders: Path) -> None:
    make_project(slug="first")
    record_event(actor=None, verb="made", subject="x", now=NOW)
    tell("backup", folders / "all.tar")
    tell("restore", folders / "all.tar", replace=True)

    assert make_project(slug="second").pk > Project.objects.get(slug="first").pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'annotation_auditevent_keeps%'")
        assert cursor.fetchone() == (2,)


def test_an_installation_is_not_replaced_unasked(folders: Path) -> None:
    make_account()
    tell("backup", folders / "all.tar")

    with pytest.raises(CommandError, match="--replace"):
        tell("restore", folders / "all.tar")


@pytest.mark.parametrize("fault", ["cut short", "another file", "changed", "newer", "no file"])
def test_what_is_no_whole_backup_changes_nothing(folders: Path, fault: str) -> None:
    make_project(slug="kept")
    file = folders / "all.tar"
    tell("backup", file)
    spoil(file, fault)
    Project.objects.update(name="Still here")

    with pytest.raises(CommandError):
        tell("restore", file, replace=True)

    assert Project.objects.get().name == "Still here"
    assert (folders / "exports" / "7" / "manifest.json").exists()


@pytest.mark.parametrize(
    "name, kind", [("../out", b"0"), ("/tmp/out", b"0"), ("exports/7", b"2"), ("pipe", b"6")]
)
def test_a_file_that_would_write_elsewhere_is_no_backup(folders: Path, name: str, kind: bytes) -> None:
    """On every Python: Debian 12's does not look at names by itself."""
    make_project(slug="kept")
    file = folders / "all.tar"
    tell("backup", file)
    with tarfile.open(file, "a") as tar:
        item = tarfile.TarInfo(name)
        item.type, item.linkname = kind, "../../elsewhere"
        tar.addfile(item)

    with pytest.raises(CommandError, match=f"it holds {name}, which no backup does"):
        tell("restore", file, replace=True)

    assert Project.objects.get().slug == "kept"


def spoil(file: Path, fault: str) -> None:
    if fault == "cut short":
        file.write_bytes(file.read_bytes()[:2000])
    elif fault == "another file":
        file.write_bytes(b"hello")
    elif fault == "no file":
        file.unlink()
    else:
        with tarfile.open(file) as tar:
            members = {item.name: tar.extractfile(item).read() for item in tar.getmembers()}  # type: ignore[union-attr]
        if fault == "changed":
            members["exports/7/manifest.json"] = b"{ }"
        else:
            about = json.loads(members["about.json"])
            about["migrations"].append("annotation.9999_from_the_future")
            members["about.json"] = json.dumps(about).encode()
        with tarfile.open(file, "w") as tar:
            for name, content in members.items():
                item = tarfile.TarInfo(name)
                item.size = len(content)
                tar.addfile(item, io.BytesIO(content))


def test_a_backup_that_breaks_off_leaves_the_last_one(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folders / "all.tar"
    tell("backup", file)
    before = file.read_bytes()
    monkeypatch.setenv("PG_BIN", str(folders))

    with pytest.raises(CommandError):
        tell("backup", file)

    assert file.read_bytes() == before


def test_a_backup_signs_its_finder_in_nowhere(folders: Path, client: Client) -> None:
    client.force_login(make_account())
    key = client.session.session_key
    assert key and Session.objects.exists()

    tell("backup", folders / "all.tar")
    with tarfile.open(folders / "all.tar") as tar:
        dump = tar.extractfile("database.dump").read()  # type: ignore[union-attr]
    (folders / "dump").write_bytes(dump)
    done = subprocess.run(
        [find_postgres() / "pg_restore", "--file=-", folders / "dump"], capture_output=True, check=True
    )
    tell("restore", folders / "all.tar", replace=True)

    assert key.encode() not in done.stdout
    assert b"COPY public.annotation_account" in done.stdout
    assert not Session.objects.exists()


def test_sign_ins_in_a_backup_from_before_are_dropped(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = SessionStore()
    session.create()
    monkeypatch.setattr("config.engine.backup.SIGN_IN_TABLES", ())
    tell("backup", folders / "all.tar")

    tell("restore", folders / "all.tar", replace=True)

    assert not Session.objects.exists()


@pytest.fixture
def newer_table() -> Iterator[None]:
    """What a later version of the code would have added."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE annotation_tomorrow"
            " (id serial PRIMARY KEY, project_id bigint REFERENCES annotation_project (id))"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS annotation_tomorrow")


def test_an_older_backup_comes_back_over_newer_tables(folders: Path, newer_table: None) -> None:
    tell("backup", folders / "all.tar")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE annotation_tomorrow")
    make_project(slug="kept")
    tell("backup", folders / "older.tar")
    tell("restore", folders / "all.tar", replace=True)
    later = make_project(slug="too-late")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO annotation_tomorrow (project_id) VALUES (%s)", [later.pk])

    tell("restore", folders / "older.tar", replace=True)

    assert [project.slug for project in Project.objects.all()] == ["kept"]
    assert "annotation_tomorrow" not in connection.introspection.table_names()


def test_a_restore_that_breaks_off_changes_nothing(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell("backup", folders / "all.tar")
    make_project(slug="still-here")
    monkeypatch.setattr("config.engine.restoring.SIGN_IN_TABLES", ("no_such_table",))

    with pytest.raises(CommandError, match="no_such_table"):
        tell("restore", folders / "all.tar", replace=True)

    assert Project.objects.get().slug == "still-here"


def test_a_dump_that_can_not_be_read_changes_nothing(folders: Path) -> None:
    make_project(slug="still-here")
    (folders / "dump").write_bytes(b"PGDMP and no more")

    with pytest.raises(EngineError, match="can't be restored"):
        restore_dump(folders / "dump")

    assert Project.objects.get().slug == "still-here"


def test_backing_up_and_restoring_are_in_the_audit_log(folders: Path) -> None:
    tell("backup", folders / "all.tar")
    assert AuditEvent.objects.get().verb == "backed the installation up"

    tell("restore", folders / "all.tar", replace=True)

    (event,) = AuditEvent.objects.all()  # the backup's own came after what is in it
    assert (event.verb, event.subject) == ("restored a backup", "all.tar")
