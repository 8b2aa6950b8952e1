"""Verifies a written export with what will read it: `datasets`, and each trainer's own preparation.

That takes torch, so it runs in a process of its own (`python -m rl_bridge check`), which the export's worker waits for
and kills with its job. The worker itself stays light.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from django.conf import settings

from exports.checks import CheckFailed

Progress = Callable[[str], None]
_LOOK_EVERY_SECONDS = 0.2
_NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH")
_READING = "reading the libraries of all trainers, some seconds whatever the size"
_CANNOT_RUN = (
    "The export could not be verified, so it was not released: the check needs what rl_bridge/requirements.txt "
    "lists."
)


class Check(TypedDict):
    """One thing that was verified: which reader took how many rows of which config."""

    config: str
    reader: str
    rows: int
    seconds: float


class Verifier:
    """The process that verifies an export. It starts before the export is written, since it reads its libraries for
    longer than a small export takes to write, and waits until it is told to begin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scratch = folder.with_name(f".check{folder.name}")
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        if command := settings.EXPORT_CHECK_COMMAND:
            arguments = ["--export", str(folder), "--models-dir", str(settings.MODELS_DIR), "--when-told"]
            files = ["--texts", str(self._texts), "--report", str(self._report)]
            self._process = subprocess.Popen(
                [*command, *arguments, *files],
                cwd=settings.BASE_DIR,
                env=_environment(self._scratch),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )

    @property
    def _texts(self) -> Path:
        return self._scratch / "texts.json"

    @property
    def _report(self) -> Path:
        return self._scratch / "report.jsonl"

    def verify(self, text_hashes: Mapping[str, str], report: Progress) -> list[Check]:
        """Loads and prepares every config of the written export; `report` is called often, with what is being done.

        `text_hashes` are of the source texts, by file name. Raises CheckFailed, naming the row where there is one, and
        whatever `report` raises.
        """
        if self._process is None:
            return []
        self._scratch.mkdir()
        self._texts.write_text(json.dumps(dict(text_hashes)), encoding="utf-8")
        if self._process.stdin is not None:
            with suppress(OSError):  # it has ended: its exit code says why
                self._process.stdin.write(b"begin\n")
                self._process.stdin.flush()
        exit_code = _await(self._process, self._report, report)
        self._errors.seek(0)
        return _read_outcome(exit_code, self._report, self._errors.read())

    def close(self) -> None:
        """Ends the process, whatever it does, and removes what it left."""
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
        self._errors.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _await(process: subprocess.Popen[bytes], progress: Path, report: Progress) -> int:
    deadline = time.monotonic() + settings.EXPORT_CHECK_SECONDS
    while True:
        try:
            return process.wait(timeout=_LOOK_EVERY_SECONDS)
        except subprocess.TimeoutExpired:
            if _find_reports(progress) is not None:
                return 0  # all is checked; taking its libraries down again is not worth waiting for
            report(f"Verifying: {_last_words(progress)}")
        if time.monotonic() > deadline:
            raise CheckFailed(
                f"The check took longer than {settings.EXPORT_CHECK_SECONDS} seconds, so nothing was released."
            )


def _last_words(progress: Path) -> str:
    """What the process last said it does."""
    try:
        lines = progress.read_text(encoding="utf-8").splitlines()
        return str(json.loads(lines[-1])["progress"])[:80]
    except (OSError, IndexError, ValueError, KeyError):
        return _READING


def _find_reports(progress: Path) -> list[Check] | None:
    """What was verified, where the process has said so: its last line, and it checks nothing after it."""
    try:
        line = json.loads(progress.read_text(encoding="utf-8").splitlines()[-1])
    except (OSError, IndexError, ValueError):  # nothing yet, or a line that is being written
        return None
    found: list[Check] | None = line.get("reports")
    return found


def _read_outcome(exit_code: int, report: Path, errors: bytes) -> list[Check]:
    if exit_code == 0:
        if (reports := _find_reports(report)) is None:
            raise CheckFailed("The check ended without a report, so nothing was released.")
        return reports
    said = errors.decode("utf-8", errors="replace").strip().splitlines()
    last = said[-1] if said else ""
    if exit_code == 2 and last.startswith("rl_bridge: "):
        raise CheckFailed(last.removeprefix("rl_bridge: "))
    if last.startswith("ModuleNotFoundError"):
        raise CheckFailed(f"{_CANNOT_RUN} {last}.")
    raise CheckFailed(f"The check broke off (exit code {exit_code}), so nothing was released. {last}".strip())


def _environment(scratch: Path) -> dict[str, str]:
    """No network, no GPU, and none of the worker's secrets; what the libraries cache goes with the folder."""
    kept = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    return kept | {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(scratch / "home"),
        "TMPDIR": str(scratch),
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }
