"""A data folder whose sockets go away with it, and the processes below a process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import paths
from config.engine.cluster import prepare_cluster


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    yield folder
    shutil.rmtree(paths.socket_dir(folder), ignore_errors=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty data folder that every user of this machine can reach (pytest's own is closed to others)."""
    parent = Path(tempfile.mkdtemp(prefix="gradus-test-", dir="/tmp"))
    parent.chmod(0o755)
    folder = parent / "data"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(paths.socket_dir(folder), ignore_errors=True)
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture(scope="session")
def fresh_cluster() -> Path:
    """PostgreSQL's data directory straight from initdb, to be copied: initdb takes seconds on a busy disk.

    It is kept from run to run, on this run's own slot.
    """
    folder = paths.data_dir() / "fresh"
    folder.mkdir(exist_ok=True)
    return prepare_cluster(folder).directory


@pytest.fixture
def made(data: Path, fresh_cluster: Path) -> Path:
    """A data folder on which PostgreSQL was made but never started."""
    if fresh_cluster.stat().st_uid == os.geteuid():
        shutil.copytree(fresh_cluster, data / fresh_cluster.name)
    return data
