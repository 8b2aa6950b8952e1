"""Pushing to the Hub, against a fake of it on loopback: what is sent, and what is said where it is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import BASE_DIR
from tests.rl_bridge.export_folders import write_whole_export
from tests.rl_bridge.fake_hub import TOKEN, FakeHub
from tests.rl_bridge.servers import Server, serving


def push(
    server: Server, folder: Path, tmp_path: Path, *more: str, token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": server.url,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",  # large files by LFS, as where that storage can't be reached
    }
    command = [
        sys.executable,
        "-m",
        "rl_bridge",
        "push",
        "--export",
        str(folder),
        "--repository",
        "ada/sums",
        *more,
    ]
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)


def test_the_frozen_folder_arrives_and_older_files_go(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    hub = FakeHub()
    hub.there = ["README.md", "sft/train-0123456789abcdef.parquet", "notes.txt"]
    with serving(hub) as server:
        done = push(server, folder, tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("/commit/abc")
    sent = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert hub.files == sent
    assert hub.deleted == ["sft/train-0123456789abcdef.parquet"]
    assert hub.created["type"] == "dataset"
    assert hub.created.get("visibility") == "private" or hub.created.get("private") is True


def is_data(path: str, size: int) -> bool:
    return path.endswith(".parquet")


@pytest.mark.parametrize("part_bytes", [0, 1_000])
def test_large_files_go_by_lfs_whole_or_in_parts(tmp_path: Path, part_bytes: int) -> None:
    folder = write_whole_export(tmp_path / "export")
    hub = FakeHub(is_large=is_data, part_bytes=part_bytes)
    with serving(hub) as server:
        done = push(server, folder, tmp_path)

    assert done.returncode == 0, done.stderr
    sent = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert hub.files == sent
    assert set(hub.by_lfs) == {name for name in sent if name.endswith(".parquet")}
    assert any(len(parts) > 1 for parts in hub.parts.values()) == bool(part_bytes)
    to_storage = [asked for asked in server.asked if asked.path.startswith("/signed/")]
    assert to_storage and not any(TOKEN in str(asked.headers) for asked in to_storage)


def test_what_the_hub_has_already_is_not_sent_again(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    hub = FakeHub(is_large=is_data)
    with serving(hub) as server:
        push(server, folder, tmp_path)
        first = sum(asked.path.startswith("/signed/") for asked in server.asked)
        again = push(server, folder, tmp_path)

    assert again.returncode == 0
    assert sum(asked.path.startswith("/signed/") for asked in server.asked) == first > 0


def test_where_a_large_file_finds_no_room_nothing_is_committed(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    hub = FakeHub(is_large=is_data)
    hub.is_full = True
    with serving(hub) as server:
        done = push(server, folder, tmp_path)

    assert done.returncode == 2
    assert "rl_bridge: The Hub did not take ada/sums: Error while uploading" in done.stderr
    assert "Traceback" not in done.stderr
    assert hub.files == {}


def test_a_refusal_is_one_sentence_without_the_token(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    with serving(FakeHub(refuses=403)) as server:
        done = push(server, folder, tmp_path, "--public")

    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("rl_bridge: The Hub did not take ada/sums: ")
    assert TOKEN not in done.stdout + done.stderr


def test_a_hub_out_of_reach_is_named_as_such(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    with serving(FakeHub()) as server:
        url = server.url

    done = push(server, folder, tmp_path)

    assert done.returncode == 2
    said = done.stderr.strip().splitlines()[-1]
    assert said == f"rl_bridge: The connection to the Hub at {url} failed: Connection refused"


def test_without_a_token_nothing_is_asked(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    with serving(FakeHub()) as server:
        done = push(server, folder, tmp_path, token="")

    assert done.returncode == 2
    assert "Set HF_TOKEN to a token that may write ada/sums." in done.stderr
    assert server.asked == []


def test_an_export_that_was_changed_is_not_pushed(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    next(folder.glob("sft/*.parquet")).write_bytes(b"other")
    with serving(FakeHub()) as server:
        done = push(server, folder, tmp_path)

    assert done.returncode == 2
    assert "where the manifest says" in done.stderr
    assert server.asked == []
