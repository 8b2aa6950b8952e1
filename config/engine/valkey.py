"""The embedded Valkey: Celery's broker on a Unix socket, with an append-only file so that no message is lost."""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path

from config import paths
from config.engine.binaries import find_valkey
from config.engine.process import ChildSpec


def describe_valkey(data: Path) -> ChildSpec:
    """How to run the server in the foreground.

    `noeviction`: a full memory must refuse new messages rather than drop old ones. `aof-load-truncated`: a kill
    may cut the last write short, and losing that one beats refusing to start.
    """
    folder = paths.valkey_dir(data)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(paths.valkey_socket(data)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    return ChildSpec(
        name="valkey",
        title="Valkey",
        command=(str(find_valkey()), *arguments),
        log=paths.logs_dir(data) / "valkey.log",
        stop_signal=signal.SIGTERM,
        orphan_signal=signal.SIGTERM,
        patience_seconds=0.8,
    )


def answers(data: Path) -> bool:
    """True if the server takes commands now (while it still reads its file it answers, but with LOADING)."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(str(paths.valkey_socket(data)))
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")
    return False
