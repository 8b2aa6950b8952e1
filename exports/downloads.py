"""Handing out an export's files: one at a time with HTTP ranges, so a download resumes, or all in one archive.

Names are looked up in the manifest, so none leads out of the export's folder.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from annotation.actions.audit import record_event
from annotation.models import Account
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
        return _refuse_range(size)
    first, last = part
    kind = _PLAIN.get(name, "application/octet-stream")
    chunks = _read_chunks(path, first, last - first + 1)
    return _stream(chunks, part, size, etag, kind, name.replace("/", "-"))


def serve_archive(request: HttpRequest, export: Export) -> HttpResponseBase:
    """All files in one zip, or the part of it that a range asks for. Raises NoSuchFile.

    It is made while it is sent, and has the same bytes each time, so a part is the whole without what comes before:
    resuming reads that again, at the speed of the disk, but sends nothing of it.
    """
    paths = {name: _find_file(export, name) for name in list_files(export)}
    if not paths:
        raise NoSuchFile("This export has no files.")
    title = f"{export.project.slug}-{export.content_hash[:12]}"
    size = measure_archive(title, {name: path.stat().st_size for name, path in paths.items()})
    etag = f'"{export.content_hash[:16]}-zip-{size}"'
    part = _read_range(request, size, etag)
    if part is None:
        return _refuse_range(size)
    first, last = part
    return _stream(_cut(_zip(title, paths), first, last), part, size, etag, "application/zip", f"{title}.zip")


def record_download(
    request: HttpRequest,
    answer: HttpResponseBase,
    *,
    export: Export,
    name: str,
    actor: Account,
    now: dt.datetime,
) -> HttpResponseBase:
    """Puts an answer that begins a download into the audit log, and hands it back. A later part is no new download."""
    begins = answer.headers.get("Content-Range", "bytes 0-").startswith("bytes 0-")
    if request.method == "GET" and answer.status_code in (200, 206) and begins:
        record_event(
            actor=actor,
            verb="downloaded an export",
            subject=export,
            now=now,
            project=export.project,
            file=name,
        )
    return answer


def measure_archive(title: str, sizes: Mapping[str, int]) -> int:
    """The archive's length in bytes, before it is made.

    APPNOTE 4.3: local header, data and descriptor of each file; then the directory. From 2 GB on each has zip64's
    longer numbers, where `zipfile` writes them (4.5.3): a large file's from a twentieth before that.
    """
    most = zipfile.ZIP64_LIMIT
    offset = directory = 0
    for name, size in sizes.items():
        length = len(f"{title}/{name}".encode())
        long_numbers = 2 * (size > most) + (offset > most)
        directory += 46 + length + (4 + 8 * long_numbers if long_numbers else 0)
        is_large = size * 1.05 > most
        offset += 30 + length + (20 if is_large else 0) + size + (24 if is_large else 16)
    is_long = len(sizes) > zipfile.ZIP_FILECOUNT_LIMIT or offset > most or directory > most
    return offset + directory + (56 + 20 if is_long else 0) + 22


def hash_card(export: Export) -> str:
    """SHA-256 of the dataset card, which the manifest does not hold; "" while there is none."""
    if not export.manifest:
        return ""
    path = folder_of(export) / "README.md"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _refuse_range(size: int) -> HttpResponse:
    response = HttpResponse(status=416)
    response["Content-Range"] = f"bytes */{size}"
    return response


def _stream(
    chunks: Iterator[bytes], part: tuple[int, int], size: int, etag: str, kind: str, name: str
) -> StreamingHttpResponse:
    first, last = part
    is_whole = part == (0, size - 1)
    streamed = StreamingHttpResponse(chunks, status=200 if is_whole else 206, content_type=kind)
    if not is_whole:
        streamed["Content-Range"] = f"bytes {first}-{last}/{size}"
    streamed["Content-Length"] = str(last - first + 1)
    streamed["Accept-Ranges"] = "bytes"
    streamed["ETag"] = etag
    streamed["Content-Disposition"] = f'attachment; filename="{name}"'
    return streamed


def _cut(chunks: Iterator[bytes], first: int, last: int) -> Iterator[bytes]:
    """The bytes from `first` to `last` of a stream."""
    start = 0
    for chunk in chunks:
        end = start + len(chunk)
        if end > first:
            yield chunk[max(0, first - start) : last + 1 - start]
        start = end
        if start > last:
            return


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
