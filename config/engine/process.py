"""One child process: its own session, a log file with a size cap, and death together with its parent.

A child that outlives a killed supervisor would keep the port, the data directory or a half-done job, so the
kernel itself is asked (PR_SET_PDEATHSIG) to signal the child when its parent is gone. Linux only: elsewhere the
request is left out, and only a clean stop reaches the children.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

LOG_LIMIT_BYTES = 10 * 1024 * 1024
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_POLL_SECONDS = 0.02
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Configured)\b")
# Loaded before any fork: between fork and exec nothing may be imported or looked up.
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(orphan_signal: int, *, parent_pid: int) -> None:
    """Ask the kernel to send `orphan_signal` to this process when the thread that forked it ends.

    Call it after every change of user id, which would clear the request. `parent_pid` closes the gap in which the
    parent may have died before the request was made.
    """
    if sys.platform != "linux":
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


@dataclass(frozen=True)
class ChildSpec:
    """What to run and how to end it: politely, urgently (a quick way out short of SIGKILL), or as an orphan.

    `become` runs in the child, just before the program replaces it.
    """

    name: str
    title: str
    command: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    stop_signal: int = signal.SIGTERM
    urgent_signal: int | None = None
    orphan_signal: int = signal.SIGTERM
    patience_seconds: float = 1.0
    become: Callable[[], None] | None = None


class Child:
    """A running (or ended) child. Start it from the main thread: PR_SET_PDEATHSIG watches the starting thread."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.started_at = time.monotonic()
        self._process = _spawn(spec)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_status(self) -> int | None:
        """The exit status (negative: minus the signal), or None while it runs.

        What a child that ended left in its process group (a worker's pool, say) is ended too. That happens while
        the child is still a zombie: only until it is reaped is its number certain to be no one else's.
        """
        if self._process.returncode is None and _has_ended(self.pid):
            self._end_group()
            self._process.wait()
        return self._process.returncode

    def send(self, number: int) -> None:
        """Signal the child itself, never its own children."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """True if the child ended within `seconds`."""
        deadline = time.monotonic() + seconds
        while self.exit_status() is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def end(self) -> None:
        """End the child politely, or for certain once its patience is over."""
        self.send(self.spec.stop_signal)
        if not self.wait(self.spec.patience_seconds):
            self.kill()

    def kill(self) -> None:
        """End the child and everything in its process group, at once."""
        if self._process.returncode is None:
            self._end_group()
            self._process.wait()

    def _end_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    """True if that child of ours has ended; it is left unreaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def run_to_end(spec: ChildSpec, *, keep_going: Callable[[], None]) -> int:
    """Run a program that ends by itself and return its exit status; end it if `keep_going` raises."""
    child = Child(spec)
    try:
        while not child.wait(_POLL_SECONDS):
            keep_going()
    except BaseException:
        child.end()
        raise
    return child.exit_status() or 0


def _spawn(spec: ChildSpec) -> subprocess.Popen[bytes]:
    parent_pid = os.getpid()

    def prepare() -> None:
        if spec.become is not None:
            spec.become()
        die_with_parent(spec.orphan_signal, parent_pid=parent_pid)

    with open_log(spec.log) as log:
        return subprocess.Popen(
            spec.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(spec.env),
            cwd=spec.cwd,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, in order
            preexec_fn=prepare,
        )


def open_log(path: Path) -> BinaryIO:
    """The log opened for appending, readable by its owner only; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cap_log(path)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0)


def cap_log(path: Path, *, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Once the log is over its limit, keep it as `<name>.1` and start it again from nothing.

    Copied and truncated rather than renamed: the child holds the file open in append mode and goes on writing.
    """
    if path.exists() and path.stat().st_size > limit_bytes:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)


def read_log_tail(path: Path, *, since_byte: int = 0, limit_bytes: int = 65536) -> list[str]:
    """The last non-empty lines of a log, from `since_byte` on where that is nearer to its end."""
    if not path.exists():
        return []
    with path.open("rb") as log:
        log.seek(max(since_byte, path.stat().st_size - limit_bytes))
        return [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]


def pick_reason(lines: list[str]) -> str:
    """The line of a log that most likely says why a Python program ended: its last exception, or its last line."""
    raised = [line for line in lines if _EXCEPTION.match(line)]
    return (raised or lines or ["it wrote nothing to its log"])[-1].strip().rstrip(".")
