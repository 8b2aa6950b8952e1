"""The embedded PostgreSQL's data directory: made once, whole or not at all, and owned by whom PostgreSQL runs as."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config import paths
from config.engine.binaries import find_postgres
from config.engine.errors import EngineError, is_about_a_full_disk
from config.engine.identity import Identity, can_reach, choose_identity, drop_to, find_named_id
from config.engine.process import ChildSpec, read_log_tail, run_to_end

MINIMUM_FREE_MEGABYTES = 200
_UNPRIVILEGED = "postgres-unprivileged"
_PERSISTENT_ROOT = Path("/var/tmp")  # survives a restart of the machine, unlike /tmp


@dataclass(frozen=True)
class Cluster:
    """A data directory that is ready to serve, the programs to serve it with, and whom they run as."""

    bin_dir: Path
    directory: Path
    identity: Identity


def prepare_cluster(data: Path, *, keep_going: Callable[[], None] = lambda: None) -> Cluster:
    """Find the data directory that belongs to this data folder, or make it; EngineError where that fails.

    `keep_going` is called while initdb runs and may raise to give up; nothing half-made is left then.
    """
    bin_dir = find_postgres()
    existing = find_existing(data)
    owner = existing.stat().st_uid if existing else None
    if existing and owner not in {0, os.geteuid()} and os.geteuid() != 0:
        raise EngineError(f"{existing} belongs to user {owner}; start Gradus as that user.")
    identity = choose_identity(reaches=(data, bin_dir), owner=owner or None)
    if existing and owner == 0 and os.geteuid() != 0:
        raise EngineError(f"{existing} belongs to root; start Gradus as root, or set GRADUS_DATA.")
    if identity.owner is None:
        directory = paths.postgres_dir(data)
        if existing is None:
            _initialise(directory, bin_dir=bin_dir, identity=identity, data=data, keep_going=keep_going)
        return Cluster(bin_dir, directory, identity)
    return _prepare_unprivileged(data, existing, bin_dir=bin_dir, identity=identity, keep_going=keep_going)


def find_existing(data: Path) -> Path | None:
    """The data directory in use, if one was made. An unprivileged copy, once made, holds the truth."""
    candidates = [data / _UNPRIVILEGED, _distant_home(data) / _UNPRIVILEGED, paths.postgres_dir(data)]
    return next((folder for folder in candidates if _holds_cluster(folder)), None)


def _holds_cluster(folder: Path) -> bool:
    try:
        return (folder / "PG_VERSION").is_file()
    except PermissionError:
        return True  # someone else's, closed to us: the caller says so


def _prepare_unprivileged(
    data: Path, existing: Path | None, *, bin_dir: Path, identity: Identity, keep_going: Callable[[], None]
) -> Cluster:
    """Root gives PostgreSQL a directory (and, where ours are out of its reach, programs) of its own."""
    number, become = identity.owner, identity.become
    if number is None or become is None:
        raise ValueError("an unprivileged cluster needs an id to drop to")
    home = data if can_reach(data, become=become) else _make_distant_home(data)
    if not can_reach(bin_dir / "postgres", become=become):
        bin_dir = _copy_programs(bin_dir, home)
    if existing is None:
        directory = home / _UNPRIVILEGED
        _initialise(directory, bin_dir=bin_dir, identity=identity, data=data, keep_going=keep_going)
    elif existing.stat().st_uid == number:
        directory = existing
    else:
        directory = home / _UNPRIVILEGED
        _copy_and_give(existing, directory, number=number)
    return Cluster(bin_dir, directory, identity)


def _initialise(
    directory: Path, *, bin_dir: Path, identity: Identity, data: Path, keep_going: Callable[[], None]
) -> None:
    """Run initdb beside the final place and rename the result, so that a kill leaves nothing half-made."""
    require_free_space(directory.parent)
    draft = directory.with_name(f"{directory.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    become = identity.become
    if identity.owner is not None:
        # initdb looks up its own name, which an unused id has not; the files change hands afterwards.
        os.chown(draft, find_named_id(), -1)
        become = partial(drop_to, find_named_id())
    log = paths.logs_dir(data) / "initdb.log"
    log.unlink(missing_ok=True)
    spec = ChildSpec("initdb", "initdb", initdb_command(bin_dir, draft), log, cwd=Path("/"), become=become)
    try:
        status = run_to_end(spec, keep_going=keep_going)
        if status != 0:
            raise EngineError(_explain_initdb(read_log_tail(log), directory.parent))
        if identity.owner is not None:
            _give(draft, identity.owner)
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def initdb_command(bin_dir: Path, directory: Path) -> tuple[str, ...]:
    """initdb with one locale on every machine. Who may connect is decided by the closed socket folder."""
    version = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)
    major = int(re.findall(r"(\d+)", version.stdout)[0])
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if major >= 17 else ()
    return (
        str(bin_dir / "initdb"),
        *("--pgdata", str(directory), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8"),
        *locale,
        "--locale=C",
    )


def require_free_space(folder: Path) -> None:
    """EngineError unless the disk has room for a new data directory."""
    free = shutil.disk_usage(folder).free // 1024**2
    if free < MINIMUM_FREE_MEGABYTES:
        raise EngineError(
            f"Only {free} MB are free on the disk that holds {folder}; "
            f"PostgreSQL's first start needs {MINIMUM_FREE_MEGABYTES} MB."
        )


def _explain_initdb(tail: list[str], folder: Path) -> str:
    if is_about_a_full_disk("\n".join(tail)):
        return f"The disk that holds {folder} is full; free some space and start again."
    reason = next((line for line in tail if "error" in line.lower() or "fatal" in line.lower()), tail[-1:])
    return f"PostgreSQL's data directory could not be made: {reason or 'initdb said nothing'}."


def _distant_home(data: Path) -> Path:
    return _PERSISTENT_ROOT / paths.socket_dir(data).name


def _make_distant_home(data: Path) -> Path:
    """A folder that every id can pass through, for when the data folder is closed (under /root, say)."""
    home = _distant_home(data)
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EngineError(f"{home} belongs to user {found.st_uid}, not to us; remove it and start again.")
    home.chmod(0o711)
    return home


def _copy_programs(bin_dir: Path, home: Path) -> Path:
    """PostgreSQL finds its libraries and data beside its programs, so the whole tree goes along."""
    target = home / "postgres-programs"
    draft = target.with_suffix(".part")
    for stale in (draft, target):
        shutil.rmtree(stale, ignore_errors=True)
    shutil.copytree(bin_dir.parent, draft, symlinks=True)
    for folder, _, files in os.walk(draft):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.parent.name == "bin" else 0))
    draft.rename(target)
    return target / "bin"


def _copy_and_give(source: Path, target: Path, *, number: int) -> None:
    """Copy a data directory for another owner. The original is set aside, so that only one can be in use."""
    require_free_space(target.parent)
    draft = target.with_name(f"{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft, symlinks=True)
    _give(draft, number)
    draft.rename(target)
    source.rename(source.with_name(f"{source.name}.before-copy"))


def _give(root: Path, number: int) -> None:
    os.chown(root, number, number)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, number, number, follow_symlinks=False)
