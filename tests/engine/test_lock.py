"""One supervisor for a data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.engine.errors import EngineError
from config.engine.lock import DataFolderLock
from config.paths import BASE_DIR

HOLD = """
import sys, time
from pathlib import Path
from config.engine.lock import DataFolderLock
with DataFolderLock(Path(sys.argv[1])) as lock:
    lock.announce(url="http://127.0.0.1:8123")
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_runs_and_where(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path) as lock:
        lock.announce(url="http://127.0.0.1:8000")

        with (
            pytest.raises(EngineError, match=rf"process {os.getpid()}, at http://127\.0\.0\.1:8000"),
            DataFolderLock(tmp_path),
        ):
            pass


def test_before_there_is_an_address_the_second_hears_that_the_first_is_starting(tmp_path: Path) -> None:
    with (
        DataFolderLock(tmp_path),
        pytest.raises(EngineError, match=rf"process {os.getpid()}, which is still starting"),
        DataFolderLock(tmp_path),
    ):
        pass


def test_a_longer_announcement_is_overwritten_whole(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path) as lock:
        lock.announce(url="http://" + "long" * 50)
        lock.announce(url="http://short")

        assert lock.path.read_text().endswith('"url": "http://short"}')


def test_after_the_first_has_left_the_next_may_come(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path):
        pass

    with DataFolderLock(tmp_path) as lock:
        assert not lock.was_killed_before


def test_kill_9_frees_the_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(EngineError, match=f"process {holder.pid}, at http://127"),
            DataFolderLock(tmp_path),
        ):
            pass
        holder.kill()
        holder.wait()

    with DataFolderLock(tmp_path) as lock:
        assert lock.was_killed_before
        assert str(os.getpid()) in lock.path.read_text()


def test_an_unreadable_note_does_not_hide_that_someone_runs(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path) as lock:
        lock.path.write_text("not json")

        with pytest.raises(EngineError, match="already runs"), DataFolderLock(tmp_path):
            pass
