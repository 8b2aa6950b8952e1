"""What the operating system says, as a sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from config.engine.errors import explain_os_error, is_about_a_full_disk

FOLDER = Path("/srv/gradus")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk that holds /srv/gradus is full"),
        (errno.EACCES, "/srv/gradus/logs is not writable"),
        (errno.EROFS, "/srv/gradus/logs is not writable"),
        (errno.EIO, "Could not use /srv/gradus/logs"),
    ],
)
def test_each_refusal_becomes_one_sentence(number: int, words: str) -> None:
    error = OSError(number, os.strerror(number), "/srv/gradus/logs")

    sentence = str(explain_os_error(error, FOLDER))

    assert sentence.startswith(words)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_full_disk_is_recognised_in_a_programs_output() -> None:
    assert is_about_a_full_disk('FATAL: could not write file "x": No space left on device')
    assert not is_about_a_full_disk("FATAL: out of memory")
