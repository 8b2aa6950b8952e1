"""Downloads an export from a Gradus server: `python -m rl_bridge pull URL`. Resumes what broke off, checks every hash.

What comes is exactly the folder that the server froze; `datasets.load_dataset(folder, config)` opens it.
"""

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from rl_bridge.client import Client, Refused, Unreachable
from rl_bridge.errors import BridgeError
from rl_bridge.manifest import CARD_FILE, MANIFEST_FILE, ExportFolder, is_data_file, open_export

Say = Callable[[str], None]
TRIES = 6
PAUSE_SECONDS = 1.0
POLL_SECONDS = 2.0
_PAGE = re.compile(r"/p/[^/]+/exports/(?P<id>[0-9]+)(/.*)?")
_API = re.compile(r"/api/v1/exports/(?P<id>[0-9]+)(/.*)?")
_PARTS = ".partial"


class NotFinished(BridgeError):
    """The export failed or was cancelled, or is still being made and nobody wants to wait."""


class WrongBytes(BridgeError):
    """What came is not what the server's manifest promises, twice in a row."""


class FolderTaken(BridgeError):
    """The folder holds something else already."""


def export_path(address: str) -> str:
    """The API's path of the export that an address names: the export's page, or its place in the API."""
    path = urlsplit(address).path
    match = _PAGE.fullmatch(path) or _API.fullmatch(path)
    if match is None:
        raise Refused(f"{address} is no export: give the address of its page, or /api/v1/exports/<number>/.")
    return f"/api/v1/exports/{match['id']}/"


def pull_export(
    address: str,
    out: Path | None = None,
    *,
    allows_http: bool = False,
    waits: bool = True,
    say: Say = lambda words: None,
) -> ExportFolder:
    """Download an export into `out` (default: a folder named after project and hash) and open it.

    A folder that holds a part of the same export is completed. Raises `Refused`, `Unreachable` (after several tries),
    `NotFinished`, `WrongBytes`, `FolderTaken`.
    """
    client, path = Client(address, allows_http=allows_http), export_path(address)
    export = _await_export(client, path, waits, say)
    folder = out or Path(f"{export['project']}-{export['content_hash'][:12]}")
    parts = _prepare_folder(folder, export)
    hashes = {name: str(entry["sha256"]) for name, entry in export["manifest"]["files"].items()}
    hashes[MANIFEST_FILE] = str(export["content_hash"])
    hashes[CARD_FILE] = str(export["card_sha256"])
    for name in hashes:
        if name not in (CARD_FILE, MANIFEST_FILE) and not is_data_file(name):
            raise Refused(f"The server names a file {name!r}, which no export has.")
    for name, sha256 in sorted(hashes.items()):
        _fetch(client, path, folder, name, parts, sha256, say)
    shutil.rmtree(parts.parent)
    return open_export(folder)


def _await_export(client: Client, path: str, waits: bool, say: Say) -> Any:
    while True:
        export = client.read_json(path)
        state = export.get("state")
        if state == "finished":
            return export
        if state not in ("queued", "running"):
            raise NotFinished(f"The export is {state}: {export.get('error') or 'there is nothing to fetch'}")
        if not waits:
            raise NotFinished("The export is still being made; try again later.")
        say(f"The export is {state}. {export.get('progress') or ''}".strip())
        time.sleep(POLL_SECONDS)


def _prepare_folder(folder: Path, export: Any) -> Path:
    """The folder for unfinished files; what lies there of another export is let go."""
    parts = folder / _PARTS / str(export["content_hash"])
    is_ours = (folder / _PARTS).is_dir() or _hash_of(folder / MANIFEST_FILE) == export["content_hash"]
    if folder.exists() and not (folder.is_dir() and (is_ours or not any(folder.iterdir()))):
        raise FolderTaken(f"{folder} holds something else already; name another folder with --out.")
    if (folder / _PARTS).is_dir() and not parts.is_dir():
        raise FolderTaken(f"{folder} holds a part of another export; name another folder with --out.")
    parts.mkdir(parents=True, exist_ok=True)
    return parts


def _fetch(client: Client, export: str, folder: Path, name: str, parts: Path, sha256: str, say: Say) -> None:
    path, target = f"{export}files/{quote(name)}", folder / name
    if _hash_of(target) == sha256:
        say(f"{name} is there already")
        return
    part = parts / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.part"
    for _ in range(2):  # a part that was damaged on the disk is fetched anew once
        _download(client, path, part, say, name)
        if _hash_of(part) == sha256:
            target.parent.mkdir(exist_ok=True)
            part.replace(target)
            return
        part.unlink()
    raise WrongBytes(f"{name} came with other bytes than the manifest says, twice.")


def _download(client: Client, path: str, part: Path, say: Say, name: str) -> None:
    """All bytes of a file, over as many connections as it takes."""
    for attempt in range(TRIES):
        there = part.stat().st_size if part.exists() else 0
        say(f"{name}: {'going on after' if there else 'from'} byte {there:,}")
        try:
            client.append_to(path, part, client.find_tag(path) if there else "")
            return
        except Unreachable as error:
            if attempt == TRIES - 1:
                raise
            say(f"{error} Trying again.")
            time.sleep(PAUSE_SECONDS * 2**attempt)
        except Refused as error:
            if "answered 416" not in str(error):
                raise
            return  # nothing is missing: the hash says whether it is right


def _hash_of(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
