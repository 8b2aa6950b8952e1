"""Whose work the processor does first, where workers share a machine with the pages.

Linux compares nice values inside a session only and gives each session the same share, unless the session has a nice
value of its own (autogroups, sched(7)). A worker has a session to itself, and so has each process of PostgreSQL that
answers a connection: without the second value, the first one changes nothing between them.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_TRIES = 5
_PAUSE_SECONDS = 0.12
"""Linux lets ordinary users set one session's value in a tenth of a second, on the whole machine."""


def ours() -> int:
    """This process's nice value, -20 to 19: how far it stands back."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def stand_back(nice: int, *, pid: int) -> None:
    """Have a process stand back so far, and its session where it leads one. What this user or this system may not do
    is left alone: it costs pages some speed and nothing else."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    with contextlib.suppress(OSError):
        if os.getsid(pid) == pid:
            _set_session(Path(f"/proc/{pid}/autogroup"), nice)


def _set_session(file: Path, nice: int) -> None:
    for _ in range(_TRIES):
        try:
            file.write_text(str(nice))
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return
