"""One supervisor for a data folder: an advisory lock that the kernel gives back even after `kill -9`."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from config.engine.errors import EngineError


class DataFolderLock:
    """Held while a supervisor runs. The file says who holds it and at which address that one answers."""

    def __init__(self, data: Path) -> None:
        self.path = data / "up.lock"
        self.was_killed_before = (
            False  # the last holder left no clean file: its children may still be leaving
        )
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _describe_holder(self.path)
            os.close(self._descriptor)
            raise EngineError(f"Gradus already runs on {self.path.parent} {holder}.") from None
        self.was_killed_before = os.fstat(self._descriptor).st_size > 0
        self.announce(url=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def announce(self, *, url: str | None) -> None:
        """Write down our process id and, once it answers, our address, for whoever starts a second one."""
        text = json.dumps({"pid": os.getpid(), "url": url}).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


def _describe_holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        pid, url = int(holder["pid"]), holder["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return "(starting or stopping right now)"
    return f"as process {pid}, at {url}" if url else f"as process {pid}, which is still starting"
