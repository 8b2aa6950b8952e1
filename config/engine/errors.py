"""The one exception that reaches whoever started Gradus: its text is a sentence to show as it stands."""

from __future__ import annotations

import errno
import os
from pathlib import Path


class EngineError(Exception):
    """Something kept the engine from starting; the message says what, and what to do, in one sentence."""


class StopRequested(Exception):
    """A signal asked for a stop while something was still starting."""


def is_about_a_full_disk(text: str) -> bool:
    """True if a program's output reports ENOSPC (which PostgreSQL, half-way through a block, only hints at)."""
    return os.strerror(errno.ENOSPC) in text or "Check free disk space" in text


def explain_os_error(error: OSError, folder: Path) -> EngineError:
    """The sentence for an operating system's refusal while we wrote in `folder`."""
    if error.errno == errno.ENOSPC:
        return EngineError(f"The disk that holds {folder} is full; free some space and start again.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return EngineError(
            f"{error.filename or folder} is not writable; set GRADUS_DATA to a folder that is."
        )
    return EngineError(f"Could not use {error.filename or folder}: {error.strerror or error}.")
