"""Handing out an export's files: one at a time with HTTP ranges, so a download resumes, or all in one archive.

Names are looked up in the manifest, so none leads out of the export's folder.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from exports.actions import folder_of
from exports.manifest import read_manifest
from exports.models import Export

CHUNK_BYTES = 256 * 1024
_PLAIN = {"README.md": "text/markdown; charset=utf-8", "manifest.json": "application/json"}
_RANGE = re.compile(
    r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})"
)  # no file has a longer number of bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say; the archive's bytes depend on the export only


class NoSuchFile(Exception):
    """The export has no file of this name, or its files are gone from the disk."""


def list_files(export: Export) -> list[str]:
    """The names of all files of a finished export: card and manifest first."""
    return [*_PLAIN, *sorted(read_manifest(export.manifest)["files"])] if export.manifest else []


def serve_file(request: HttpRequest, export: Export, name: str) -> HttpResponseBase:
    """The file, or the part of it that a single range asks for. Raises NoSuchFile."""
    path = _find_file(export, name)
    size = path.stat().st_size
    etag = f'"{export.content_hash[:16]}-{size}"'
    part = _read_range(request, size, etag)
    if part is None:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
        return response
    first, last = part
    is_whole = (first, last) == (0, size - 1)
    streamed = StreamingHttpResponse(
        _read_chunks(path, first, last - first + 1),
        status=200 if is_whole else 206,
        content_type=_PLAIN.get(name, "application/octet-stream"),
    )
    if not is_whole:
        streamed["Content-Range"] = f"bytes {first}-{last}/{size}"
    streamed["Content-Length"] = str(last - first + 1)
    streamed["Accept-Ranges"] = "bytes"
    streamed["ETag"] = etag
    streamed["Content-Disposition"] = f'attachment; filename="{name.replace("/", "-")}"'
    return streamed


def serve_archive(export: Export) -> HttpResponseBase:
    """All files in one zip, made while it is sent; the same bytes each time. Raises NoSuchFile."""
    paths = {name: _find_file(export, name) for name in list_files(export)}
    if not paths:
        raise NoSuchFile("This export has no files.")
    title = f"{export.project.slug}-{export.content_hash[:12]}"
    response = StreamingHttpResponse(_zip(title, paths), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{title}.zip"'
    return response


def _find_file(export: Export, name: str) -> Path:
    if name not in list_files(export):
        raise NoSuchFile("This export has no such file.")
    path = folder_of(export) / name
    if not path.is_file():
        raise NoSuchFile("The files of this export are no longer on the disk.")
    return path


def _read_range(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """First and last byte to send (RFC 9110, 14.2); None for a range that the file does not have.

    What is no single byte range, or was asked of another version of the file (If-Range), means the whole.
    """
    whole = (0, size - 1)
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or not (match["first"] or match["last"]):
        return whole
    if request.headers.get("If-Range", etag) != etag:
        return whole
    if not match["first"]:
        length = int(match["last"])
        return (max(0, size - length), size - 1) if length else None
    first = int(match["first"])
    last = min(int(match["last"]), size - 1) if match["last"] else size - 1
    return (first, last) if first <= last else None


def _read_chunks(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as handle:
        handle.seek(start)
        while length > 0 and (chunk := handle.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


class _Outbox:
    """A file that only takes bytes, and gives them to whoever sends them."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        waiting, self._waiting = b"".join(self._waiting), []
        return waiting


def _zip(title: str, paths: dict[str, Path]) -> Iterator[bytes]:
    outbox = _Outbox()
    with zipfile.ZipFile(cast(IO[bytes], outbox), "w", zipfile.ZIP_STORED) as archive:
        for name, path in paths.items():
            info = zipfile.ZipInfo(f"{title}/{name}", _EPOCH)
            info.external_attr = 0o644 << 16
            info.file_size = path.stat().st_size
            with archive.open(info, "w") as entry:
                for chunk in _read_chunks(path, 0, info.file_size):
                    entry.write(chunk)
                    yield outbox.take()
    yield outbox.take()
