"""A throw-away engine for tests: the same PostgreSQL and Valkey, on a slot of its own.

Test runs may overlap (two terminals, two people in one tree), so each takes a numbered slot whose data folder
it holds alone. Slots are kept between runs: only the first run on one pays for initdb.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import paths
from config.engine import postgres, valkey
from config.engine.cluster import prepare_cluster
from config.engine.errors import EngineError
from config.engine.process import Child

_VALKEY_START_SECONDS = 30.0
_held_slots: list[int] = []  # file descriptors: the kernel frees a slot when its process is gone


def claim_slot(root: Path) -> Path:
    """The first data folder under `root` that no other process holds; ours until this process ends."""
    root.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        descriptor = os.open(root / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            number += 1
            continue
        _held_slots.append(descriptor)
        folder = root / f"slot-{number}"
        folder.mkdir(exist_ok=True)
        return folder


@contextmanager
def running_postgres(data: Path) -> Iterator[Child]:
    """The embedded PostgreSQL on this data folder, without the writes that only a power cut would miss."""
    cluster = prepare_cluster(data)
    spec = postgres.describe_postgres(data, cluster, settings=postgres.FORGETFUL_SETTINGS)
    child = postgres.start_postgres(data, cluster, spec)
    try:
        postgres.create_role_and_database(data)
        yield child
    finally:
        child.end()


@contextmanager
def running_valkey(data: Path) -> Iterator[Child]:
    """The embedded Valkey on this data folder."""
    paths.ensure_socket_dir(data)
    child = Child(valkey.describe_valkey(data))
    deadline = time.monotonic() + _VALKEY_START_SECONDS
    try:
        while not valkey.answers(data):
            if child.exit_status() is not None or time.monotonic() > deadline:
                raise EngineError(f"Valkey can't start; its log is {child.spec.log}.")
            time.sleep(0.02)
        yield child
    finally:
        child.end()
