"""The whole installation in one file, and back: the database, and the files that exports and uploads have on disk.

A backup is a tar: `about.json` with a SHA-256 of every other member, `database.dump` as pg_dump writes it, and the
folders. Neither the secret key nor anybody's sign-in is in it: whoever finds a backup must not sign in with it.
Restoring happens in one transaction after everything was checked, so it is whole or it never was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config.engine.errors import EngineError
from config.engine.postgres_programs import run_program
from config.engine.restoring import SIGN_IN_TABLES, restore_dump

_ABOUT, _DUMP = "about.json", "database.dump"
_FORM = 1


@dataclass(frozen=True)
class About:
    """What a backup says of itself. `migrations` are "app.name"; `hashes` are of its members, by name."""

    form: int
    made_at: str
    migrations: list[str]
    hashes: dict[str, str]


def write_backup(path: Path, *, folders: Mapping[str, Path], made_at: str) -> About:
    """Writes the backup beside `path`, then in its place: a backup that broke off never has the name. EngineError."""
    part = path.with_name(f"{path.name}.part")
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        dump = Path(scratch) / _DUMP
        without = [f"--exclude-table-data={table}" for table in SIGN_IN_TABLES]
        run_program("pg_dump", "--format=custom", "--no-owner", "--no-privileges", *without, f"--file={dump}")
        members = {_DUMP: dump, **_list_files(folders)}
        hashes = {name: _hash(file) for name, file in members.items()}
        about = About(form=_FORM, made_at=made_at, migrations=sorted(_list_applied()), hashes=hashes)
        (Path(scratch) / _ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
            for name, file in {_ABOUT: Path(scratch) / _ABOUT, **members}.items():
                tar.add(file, arcname=name, recursive=False)
    part.replace(path)
    return about


def read_backup(path: Path, *, folders: Mapping[str, Path]) -> About:
    """Puts everything back in place of what is there. EngineError, with nothing changed, for a file that is no whole
    backup or was made by newer code."""
    beside = next(iter(folders.values())).parent
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside) as scratch:
        about = _unpack(path, Path(scratch))
        _check(about, Path(scratch))
        restore_dump(Path(scratch) / _DUMP)
        for name, folder in folders.items():
            _replace(folder, Path(scratch) / name)
    return about


def has_accounts() -> bool:
    """Whether there is an installation here that a restore would replace."""
    if "annotation_account" not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM annotation_account)")
        return bool(cursor.fetchone()[0])


def _check_stays_inside(member: tarfile.TarInfo) -> None:
    """Raises ValueError for what a backup never holds: a link, a device, a name that leads out of the folder."""
    name = PurePosixPath(member.name)
    if not (member.isfile() or member.isdir()) or name.is_absolute() or ".." in name.parts:
        raise ValueError(f"it holds {member.name}, which no backup does")


def _unpack(path: Path, scratch: Path) -> About:
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                _check_stays_inside(member)
            # Python's own check, which it has from 3.11.4 on; Debian 12 has 3.11.2.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(scratch)
        said: dict[str, Any] = json.loads((scratch / _ABOUT).read_text(encoding="utf-8"))
        about = About(**said)
    except (OSError, tarfile.TarError, ValueError, TypeError) as error:
        raise EngineError(f"{path} is no backup that can be read: {error}.") from error
    if about.form != _FORM:
        raise EngineError(f"{path} is a backup of another form ({about.form}); this code reads {_FORM}.")
    return about


def _check(about: About, scratch: Path) -> None:
    for name, wanted in about.hashes.items():
        if not (scratch / name).is_file() or _hash(scratch / name) != wanted:
            raise EngineError(f"The backup is damaged: {name} is not what was put into it.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(about.migrations) - known):
        raise EngineError(f"The backup was made by newer code, which has {unknown[0]}; update first.")


def _replace(folder: Path, new: Path) -> None:
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    new.mkdir(exist_ok=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _list_files(folders: Mapping[str, Path]) -> dict[str, Path]:
    return {
        f"{name}/{file.relative_to(folder)}": file
        for name, folder in folders.items()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _list_applied() -> Iterator[str]:
    return (f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
