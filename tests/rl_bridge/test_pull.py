"""Fetching an export: resumed, hashed, and never trusting what the server names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rl_bridge import pull
from rl_bridge.__main__ import main
from rl_bridge.client import BadAddress, Client, Refused, Unreachable
from rl_bridge.errors import BridgeError
from tests.rl_bridge.export_folders import write_whole_export
from tests.rl_bridge.servers import Answer, Asked, Server, serving

TOKEN = "gradus_secret"


class FakeGradus:
    """Answers as the API does, from a folder; the real one is held to the same in tests/contracts/test_pull.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.states = ["finished"]
        self.breaks: list[int] = []  # hang up after so many bytes, once each
        manifest_bytes = (folder / "manifest.json").read_bytes()
        self.export: dict[str, Any] = {
            "project": "sums",
            "content_hash": hashlib.sha256(manifest_bytes).hexdigest(),
            "card_sha256": hashlib.sha256((folder / "README.md").read_bytes()).hexdigest(),
            "manifest": json.loads(manifest_bytes),
            "progress": "Writing",
            "error": "",
        }

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "This token does not work.")
        if asked.path == "/api/v1/exports/7/":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return Answer(body=json.dumps({**self.export, "state": state}).encode())
        name = asked.path.removeprefix("/api/v1/exports/7/files/")
        if not (self.folder / name).is_file():
            return problem(404, "This export has no such file.")
        return self._send(asked, (self.folder / name).read_bytes())

    def _send(self, asked: Asked, content: bytes) -> Answer:
        headers = {"ETag": '"v1"', "Accept-Ranges": "bytes"}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if found and asked.headers.get("if-range", '"v1"') == '"v1"':
            if int(found[1]) >= len(content):
                return Answer(416, b"", headers)
            last = int(found[2]) + 1 if found[2] else len(content)
            return Answer(206, content[int(found[1]) : last], headers)
        return Answer(200, content, headers, cut=self.breaks.pop(0) if self.breaks else None)


def problem(status: int, detail: str) -> Answer:
    return Answer(
        status, json.dumps({"detail": detail}).encode(), {"Content-Type": "application/problem+json"}
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_whole_export(tmp_path / "source")


@pytest.fixture
def gradus(source: Path) -> FakeGradus:
    return FakeGradus(source)


@pytest.fixture
def server(gradus: FakeGradus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("GRADUS_TOKEN", TOKEN)
    monkeypatch.setattr(pull, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(pull, "POLL_SECONDS", 0.0)
    with serving(gradus) as running:
        yield running


def read_tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_comes_is_the_folder_that_was_frozen(server: Server, source: Path, tmp_path: Path) -> None:
    export = pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    assert read_tree(tmp_path / "out") == read_tree(source)
    assert export.title.startswith("sums 7 (")


@pytest.mark.parametrize(
    "path",
    [
        "/p/sums/exports/7/",
        "/p/sums/exports/7/compare/",
        "/api/v1/exports/7/",
        "/api/v1/exports/7/archive.zip",
    ],
)
def test_the_address_of_a_page_does_too(path: str) -> None:
    assert pull.export_path(f"https://gradus.example.org{path}") == "/api/v1/exports/7/"


@pytest.mark.parametrize(
    "address", ["https://gradus.example.org/", "https://x/p/sums/exports/", "https://x/api/v1/exports/"]
)
def test_an_address_that_is_no_export_is_refused_in_words(address: str) -> None:
    with pytest.raises(Refused, match="is no export"):
        pull.export_path(address)


def test_each_file_is_named_with_its_dataset(server: Server, source: Path, tmp_path: Path) -> None:
    said: list[str] = []

    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out", say=said.append)

    assert [words.partition(":")[0] for words in said] == sorted(read_tree(source))


def test_a_connection_that_breaks_is_resumed_where_it_broke(
    server: Server, gradus: FakeGradus, source: Path, tmp_path: Path
) -> None:
    gradus.breaks = [100, 0, 57]

    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    assert read_tree(tmp_path / "out") == read_tree(source)
    assert "bytes=100-" in [asked.headers.get("range") for asked in server.asked]


def test_a_run_that_was_killed_goes_on_with_what_it_had(
    server: Server, gradus: FakeGradus, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "TRIES", 1)
    gradus.breaks = [40]
    with pytest.raises(Unreachable, match="too early"):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    assert read_tree(tmp_path / "out") == read_tree(source)
    assert "bytes=40-" in [asked.headers.get("range") for asked in server.asked]


def test_files_that_are_there_are_not_fetched_again(server: Server, tmp_path: Path) -> None:
    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")
    num_asked = len(server.asked)

    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    assert len(server.asked) == num_asked + 1  # the export itself


def test_other_bytes_than_promised_are_refused(server: Server, source: Path, tmp_path: Path) -> None:
    victim = next(source.glob("sft/*.parquet"))
    victim.write_bytes(b"x" * victim.stat().st_size)

    with pytest.raises(pull.WrongBytes, match="twice"):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    assert not (tmp_path / "out" / "sft" / victim.name).exists()


def test_a_part_that_rotted_on_the_disk_is_fetched_anew(
    server: Server, gradus: FakeGradus, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "TRIES", 1)
    gradus.breaks = [40]
    with pytest.raises(Unreachable):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")
    part = next((tmp_path / "out").rglob("*.part"))
    part.write_bytes(b"rotten" * 7)

    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")

    assert read_tree(tmp_path / "out") == read_tree(source)


@pytest.mark.parametrize(
    "name", ["../evil.parquet", "sft/../../evil", "/etc/passwd", "sft/train.parquet", "a/b.py"]
)
def test_a_server_can_not_name_a_file_outside_the_folder(
    server: Server, gradus: FakeGradus, tmp_path: Path, name: str
) -> None:
    gradus.export["manifest"]["files"][name] = {"sha256": "0" * 64}

    with pytest.raises(Refused, match="which no export has"):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")


def test_an_export_that_is_being_made_is_waited_for(
    server: Server, gradus: FakeGradus, tmp_path: Path
) -> None:
    gradus.states = ["queued", "running", "finished"]
    said: list[str] = []

    pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out", say=said.append)

    assert said[:2] == ["The export is queued. Writing", "The export is running. Writing"]


@pytest.mark.parametrize(
    ("state", "waits", "words"),
    [
        ("failed", True, "The export is failed: row 3"),
        ("cancelled", True, "cancelled"),
        ("running", False, "still"),
    ],
)
def test_what_never_comes_is_said(
    server: Server, gradus: FakeGradus, tmp_path: Path, state: str, waits: bool, words: str
) -> None:
    gradus.states, gradus.export["error"] = [state], "row 3"

    with pytest.raises(pull.NotFinished, match=words):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out", waits=waits)


def test_a_folder_with_something_else_in_it_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(pull.FolderTaken, match="something else"):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path)

    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_folder_with_a_part_of_another_export_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "out" / ".partial" / "other").mkdir(parents=True)

    with pytest.raises(pull.FolderTaken, match="another export"):
        pull.pull_export(f"{server.url}/api/v1/exports/7/", tmp_path / "out")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            Answer(302, headers={"Location": "https://evil.example"}),
            Refused,
            "sends on to https://evil.example",
        ),
        (Answer(200, b"<html>"), Refused, "did not answer with JSON"),
        (problem(403, "This token lacks the scope exports:read."), Refused, "lacks the scope"),
        (Answer(502, b"Bad gateway"), Unreachable, "answered 502"),
        (Answer(404, b"no JSON"), Refused, "answered 404: Not Found"),
    ],
)
def test_refusals_are_told_in_the_servers_words(answer: Answer, error: type[BridgeError], words: str) -> None:
    with serving(lambda asked: answer) as server, pytest.raises(error, match=words):
        Client(server.url, token=TOKEN).read_json("/api/v1/exports/7/")


def test_a_redirect_never_takes_the_token_along() -> None:
    def elsewhere(url: str) -> Callable[[Asked], Answer]:
        return lambda asked: Answer(302, headers={"Location": f"{url}/stolen"})

    other: AbstractContextManager[Server] = serving(lambda asked: Answer(200, b"{}"))
    with other as thief, serving(elsewhere(thief.url)) as server:
        with pytest.raises(Refused):
            Client(server.url, token=TOKEN).read_json("/x")
        assert thief.asked == []


@pytest.mark.parametrize(
    "address", ["ftp://x/", "gradus.example.org", "http://", "http://gradus.example.org/p/a/exports/1/"]
)
def test_an_address_that_is_none_or_not_safe_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        Client(address)


def test_plain_http_can_be_allowed() -> None:
    assert Client("http://gradus.example.org", allows_http=True).origin == "http://gradus.example.org"


def test_without_a_token_the_command_says_where_to_get_one(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GRADUS_TOKEN")

    assert main(["pull", f"{server.url}/api/v1/exports/7/"]) == 2
    assert "set GRADUS_TOKEN to one of the page “API tokens”" in capsys.readouterr().err


def test_the_command_says_how_to_open_what_came(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    assert main(["pull", f"{server.url}/p/sums/exports/7/", "--out", str(out)]) == 0
    assert f'datasets.load_dataset("{out}", "stepwise")' in capsys.readouterr().out


def test_a_server_that_is_not_there_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(lambda asked: Answer()) as gone:
        pass

    with pytest.raises(Unreachable, match="can't be reached"):
        pull.pull_export(f"{gone.url}/api/v1/exports/7/", tmp_path / "out")
