"""Pushing to the Hub, against a fake of it on loopback: what is sent, and what is said where it is refused."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from config.paths import BASE_DIR
from tests.rl_bridge.export_folders import write_whole_export
from tests.rl_bridge.servers import Answer, Asked, Server, serving

TOKEN = "hf_secret"


class FakeHub:
    """As much of the Hub's HTTP interface as an upload of small files takes."""

    def __init__(self, *, refuses: int = 0) -> None:
        self.refuses = refuses
        self.files: dict[str, bytes] = {}
        self.deleted: list[str] = []
        self.created: dict[str, object] = {}
        self.there: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}" or self.refuses:
            return Answer(self.refuses or 401, b'{"error": "Not yours"}', {"X-Error-Message": "Not yours"})
        if asked.path == "/api/repos/create":
            self.created = json.loads(asked.body)
            return reply({"url": "https://huggingface.co/datasets/ada/sums"})
        if "/preupload/" in asked.path:
            names = [file["path"] for file in json.loads(asked.body)["files"]]
            return reply(
                {"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]}
            )
        if "/commit/" in asked.path:
            return self.commit(asked.body)
        if "/tree/" in asked.path or "/paths-info/" in asked.path:
            return reply([{"type": "file", "path": n, "size": 1, "oid": "0"} for n in self.there])
        siblings = [{"rfilename": name} for name in self.there]
        return reply({"id": "ada/sums", "sha": "0" * 40, "siblings": siblings, "private": True})

    def commit(self, body: bytes) -> Answer:
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                self.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "deletedFile":
                self.deleted.append(entry["value"]["path"])
        url = "https://huggingface.co/datasets/ada/sums/commit/abc"
        return reply({"success": True, "commitOid": "abc", "commitUrl": url, "hookOutput": ""})


def reply(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


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


def test_a_refusal_is_one_sentence_without_the_token(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    with serving(FakeHub(refuses=403)) as server:
        done = push(server, folder, tmp_path, "--public")

    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("rl_bridge: The Hub did not take ada/sums: ")
    assert TOKEN not in done.stdout + done.stderr


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
