"""The thread that compresses, hashes and writes row groups while the next ones are made.

Compression and hashing let go of Python's lock, so they take no time from making rows. Work is done in the order in
which it is given, so the bytes are the same as without a thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

MOST_WAITING = 6
"""Pieces that may wait, row groups and texts to hash: more would only take memory."""

Later = Callable[[Callable[[], object]], None]
"""Does a piece of work now or a little later, in order."""


def at_once(work: Callable[[], object]) -> None:
    """No thread: the work is done when this returns."""
    work()


class WritingThread:
    """What a piece of work raises comes out of a later `do` or of `finish`."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="export-writer")
        self._waiting: deque[Future[object]] = deque()

    def do(self, work: Callable[[], object]) -> None:
        while len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._executor.submit(work))

    def finish(self) -> None:
        """Waits until all is done."""
        while self._waiting:
            self._waiting.popleft().result()

    def stop(self) -> None:
        """Ends the thread; what has not begun is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
