"""A fake of the Hub on loopback, as far as reading a data set goes, and a process that reads from it.

A process of its own: `datasets` and the hub's client take their addresses from the environment when they are imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from config.paths import BASE_DIR
from tests.rl_bridge.servers import Answer, Asked

SHA = "5" * 40
_SCRIPT = """
import json, sys
from annotation.importing.hub_rows import HubSource, read_hub
from annotation.importing.rows import SourceUnreadable
said = {}
for name in sys.argv[1:]:
    try:
        said[name] = [row.values for row in read_hub(HubSource(name, "", "train"), folders=[])]
    except SourceUnreadable as error:
        said[name] = str(error)
print(json.dumps(said))
"""


@dataclass
class ReadingHub:
    """`repositories` are files by name. Whatever else is asked for is not there, and remembered by the server."""

    repositories: dict[str, dict[str, str]]

    def __call__(self, asked: Asked) -> Answer:
        path = unquote(urlsplit(asked.path).path).strip("/")
        for name, files in self.repositories.items():
            if path.startswith(f"datasets/{name}/resolve/"):
                return self.send(files, path.split(f"{SHA}/", 1)[-1])
            if path.startswith(f"api/datasets/{name}/paths-info/"):
                wanted = json.loads(asked.body)["paths"]
                return reply([describe(one, files[one]) for one in wanted if one in files])
            if path.startswith(f"api/datasets/{name}/tree/"):
                return reply([describe(one, text) for one, text in files.items()])
            if path in {f"api/datasets/{name}", f"api/datasets/{name}/revision/{SHA}"}:
                siblings = [{"rfilename": one} for one in files]
                return reply({"id": name, "sha": SHA, "siblings": siblings, "private": False})
        return Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    @staticmethod
    def send(files: dict[str, str], name: str) -> Answer:
        if name not in files:
            return Answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        body = files[name].encode()
        about = {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": SHA}
        return Answer(200, body, {**about, "Accept-Ranges": "bytes"})


def describe(path: str, text: str) -> dict[str, Any]:
    oid = hashlib.sha1(text.encode()).hexdigest()
    return {"type": "file", "path": path, "size": len(text.encode()), "oid": oid}


def reply(value: object) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def read_all(url: str, names: list[str], home: Path, **environment: str) -> dict[str, Any]:
    """What reading each of the data sets says: its rows, or a sentence."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *names],
        cwd=BASE_DIR,
        env={**os.environ, "HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said
