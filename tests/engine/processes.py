"""Looking at processes from the outside, through /proc."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path


def list_descendants(pid: int) -> set[int]:
    """Every living process below `pid`."""
    parents = _read_parents()
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} | found
        if more == found:
            return found - {pid}
        found = more


def is_alive(pid: int) -> bool:
    """True unless the process is gone or only waits to be reaped."""
    with contextlib.suppress(OSError, IndexError):
        return _read_stat(pid)[0] not in {"Z", "X"}
    return False


def read_command(pid: int) -> str:
    """Its command line, for a failing test's message."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return "(gone)"


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """True once the condition holds, False if it does not within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _read_parents() -> dict[int, int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                state, parent = _read_stat(int(folder.name))[:2]
                if state not in {"Z", "X"}:
                    parents[int(folder.name)] = int(parent)
    return parents


def _read_stat(pid: int) -> list[str]:
    # The name in brackets may hold spaces and brackets: what follows the last one is regular.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
