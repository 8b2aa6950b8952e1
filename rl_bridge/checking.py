"""Talks to the checking worker: one process for each of ours, started when first needed, killed when it hangs."""

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError

_WORKER_SCRIPT = Path(__file__).with_name("checking_worker.py")
_START_SECONDS = 60.0
_READ_BYTES = 65_536


class CheckingFailed(BridgeError):
    """The worker could not be started, or died while it compared."""


class CheckingTimedOut(CheckingFailed):
    """Comparing took longer than the time allowed; the worker was killed."""


class UnknownDataset(BridgeError):
    """reasoning-gym has no dataset of the name in the reference answer."""


class _Worker:
    """One worker process and the two pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_WORKER_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        )
        self._unread = b""
        try:
            self._read_reply(_START_SECONDS)  # it says that it is ready
        except BaseException:
            self.close()
            raise

    def ask(self, request: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            unsent = memoryview(json.dumps(request).encode() + b"\n")
            while unsent:  # the pipe is unbuffered, and a signal may end a long write half-way
                unsent = unsent[self._process.stdin.write(unsent) :]
        except OSError as error:
            raise CheckingFailed("The process that compares answers died.") from error
        return self._read_reply(timeout_seconds)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read_reply(self, timeout_seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise CheckingTimedOut(f"Comparing an answer took longer than {timeout_seconds:g} s.")
                chunk = os.read(self._process.stdout.fileno(), _READ_BYTES)
                if not chunk:
                    raise CheckingFailed("The process that compares answers died.")
                self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply


class _Checking:
    """The worker of this process, and the lock that lets its threads take turns."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.worker: _Worker | None = None
        self.left_to_parent: list[_Worker] = []

    def ask(self, request: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        with self.lock:
            try:
                self.worker = self.worker or _Worker()
                return self.worker.ask(request, timeout_seconds)
            except (
                BaseException
            ):  # also a task's time limit: a reply left in the pipe would answer the next request
                self.close()
                raise

    def close(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def forget(self) -> None:
        """In a forked child: the worker belongs to the parent, whose lock may have been held at the fork."""
        self.lock = threading.Lock()
        if self.worker is not None:
            self.left_to_parent.append(self.worker)
        self.worker = None


_checking = _Checking()
atexit.register(_checking.close)
os.register_at_fork(after_in_child=_checking.forget)


def ask_worker(request: dict[str, Any], *, timeout_seconds: float) -> bool:
    """Let the worker answer one request of `checking_worker.check`.

    An answer on which a scorer fails is not correct, hence False. Raises `CheckingTimedOut` after
    `timeout_seconds` (plus the second or two of a first start), `UnknownDataset` for a dataset that reasoning-gym
    doesn't have, and `CheckingFailed` where the worker dies.
    """
    reply = _checking.ask(request, timeout_seconds)
    if "unknown_dataset" in reply:
        raise UnknownDataset(f"reasoning-gym has no dataset named {reply['unknown_dataset']!r}.")
    return bool(reply["correct"])
