"""A fake of the Hub on loopback: as much of its HTTP interface as an upload takes, small files and large ones.

Large files go as Git LFS has it (its batch API, with the Hub's own parts for what is larger still): the client asks
where to put them, puts them there, and names them in the commit by their SHA-256. tests/rl_bridge/test_hub.py drives
it with the real client.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.rl_bridge.servers import Answer, Asked

TOKEN = "hf_secret"


class FakeHub:
    """`files` are what a commit brought. `is_large` says of a path and its bytes whether it goes by LFS (the Hub
    decides by size and kind), in parts of `part_bytes`, or in one where that is 0."""

    def __init__(
        self,
        *,
        refuses: int = 0,
        is_large: Callable[[str, int], bool] = lambda path, size: False,
        part_bytes: int = 0,
    ) -> None:
        self.refuses, self.is_large, self.part_bytes = refuses, is_large, part_bytes
        self.is_full = False
        self.files: dict[str, bytes] = {}
        self.by_lfs: list[str] = []
        self.deleted: list[str] = []
        self.created: dict[str, object] = {}
        self.there: list[str] = []
        self.stored: dict[str, bytes] = {}  # by SHA-256
        self.parts: dict[str, dict[int, bytes]] = {}

    def __call__(self, asked: Asked) -> Answer:
        path = urlsplit(asked.path).path
        if path.startswith("/signed/"):  # the address itself is the permission: no token goes along
            return self.store(path.removeprefix("/signed/"), asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}" or self.refuses:
            return Answer(self.refuses or 401, b'{"error": "Not yours"}', {"X-Error-Message": "Not yours"})
        if path == "/api/repos/create":
            self.created = json.loads(asked.body)
            return reply({"url": "https://huggingface.co/datasets/ada/sums"})
        if "/preupload/" in path:
            return reply({"files": [self.choose_mode(file) for file in json.loads(asked.body)["files"]]})
        if path.endswith("/info/lfs/objects/batch"):
            return self.plan_uploads(json.loads(asked.body), f"http://{asked.headers['host']}")
        if path == "/verify":
            return self.verify(json.loads(asked.body))
        if "/commit/" in path:
            return self.commit(asked.body)
        if "/tree/" in path or "/paths-info/" in path:
            return reply([{"type": "file", "path": n, "size": 1, "oid": "0"} for n in self.there])
        siblings = [{"rfilename": name} for name in self.there]
        return reply({"id": "ada/sums", "sha": "0" * 40, "siblings": siblings, "private": True})

    def choose_mode(self, file: dict[str, Any]) -> dict[str, object]:
        mode = "lfs" if self.is_large(file["path"], file["size"]) else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}

    def plan_uploads(self, batch: dict[str, Any], here: str) -> Answer:
        """Git LFS's batch API: an address for each object that is not there; the Hub's own parts where asked for."""
        objects = []
        for wanted in batch["objects"]:
            oid, size = wanted["oid"], wanted["size"]
            if oid in self.stored:
                objects.append(wanted)
                continue
            upload: dict[str, object] = {"href": f"{here}/signed/{oid}"}
            if self.part_bytes:
                parts = range(1, -(-size // self.part_bytes) + 1)
                addresses = {f"{n:05}": f"{here}/signed/{oid}/{n}" for n in parts}
                upload["header"] = {"chunk_size": str(self.part_bytes), **addresses}
            objects.append({**wanted, "actions": {"upload": upload, "verify": {"href": f"{here}/verify"}}})
        return reply({"transfer": "multipart" if self.part_bytes else "basic", "objects": objects})

    def store(self, place: str, asked: Asked) -> Answer:
        """A whole object, a part of one, or the word that all its parts are there."""
        if self.is_full:
            return Answer(507, b"Insufficient Storage")
        oid, _, part = place.partition("/")
        if part:
            self.parts.setdefault(oid, {})[int(part)] = asked.body
            return Answer(200, b"", {"ETag": hashlib.md5(asked.body).hexdigest()})
        if asked.method == "POST":
            listed = [part["partNumber"] for part in json.loads(asked.body)["parts"]]
            self.stored[oid] = b"".join(self.parts[oid][number] for number in listed)
        else:
            self.stored[oid] = asked.body
        return Answer(200)

    def verify(self, wanted: dict[str, Any]) -> Answer:
        content = self.stored[wanted["oid"]]
        is_whole = hashlib.sha256(content).hexdigest() == wanted["oid"] and len(content) == wanted["size"]
        return reply({}) if is_whole else Answer(422, b'{"error": "Not what was announced"}')

    def commit(self, body: bytes) -> Answer:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.files[value["path"]] = self.stored[value["oid"]]
                self.by_lfs.append(value["path"])
            elif entry["key"] == "deletedFile":
                self.deleted.append(value["path"])
        url = "https://huggingface.co/datasets/ada/sums/commit/abc"
        return reply({"success": True, "commitOid": "abc", "commitUrl": url, "hookOutput": ""})


def reply(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})
