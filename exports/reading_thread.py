"""The thread that reads the next rows from the database while the last ones are made into files.

While PostgreSQL works, Python would wait: a sixth of an export's time. The thread has a connection of its own. What an
export reads is frozen with its merge run, so both connections see the same rows; inside a transaction, whose rows no
other connection may see yet, rows are read where they are wanted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

from django.db import connection

_Row = TypeVar("_Row")
_MOST_WAITING = 1
"""Pieces read ahead and not yet taken: one is enough, and more would only take memory."""
_LOOK_EVERY_SECONDS = 0.2
_END = object()


def read_ahead(rows: Generator[_Row, None, None]) -> Generator[_Row, None, None]:
    """The same rows in the same order; the next is read while the last is worked on. What reading raises comes out
    here. Whoever stops early closes the generator, which ends the thread."""
    if connection.in_atomic_block:
        yield from rows
        return
    waiting: queue.Queue[object] = queue.Queue(_MOST_WAITING)
    is_unwanted = threading.Event()
    failures: list[BaseException] = []
    reader = threading.Thread(
        target=_read, args=(rows, waiting, is_unwanted, failures), name="export-reader", daemon=True
    )
    reader.start()
    try:
        while (row := waiting.get()) is not _END:
            yield row  # type: ignore[misc]  # what _read was given
    finally:
        is_unwanted.set()
        reader.join()
    if failures:
        raise failures[0]


def _read(
    rows: Generator[object, None, None],
    waiting: queue.Queue[object],
    is_unwanted: threading.Event,
    failures: list[BaseException],
) -> None:
    try:
        for row in rows:
            if not _hand_over(row, waiting, is_unwanted):
                break
    except BaseException as error:
        failures.append(error)
    finally:
        rows.close()  # before the connection whose cursor it holds
        connection.close()
        _hand_over(_END, waiting, is_unwanted)


def _hand_over(row: object, waiting: queue.Queue[object], is_unwanted: threading.Event) -> bool:
    """Whether the row was taken; it is not where nobody wants any more."""
    while not is_unwanted.is_set():
        try:
            waiting.put(row, timeout=_LOOK_EVERY_SECONDS)
        except queue.Full:
            continue
        return True
    return False
