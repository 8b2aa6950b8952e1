"""`.ci/audit` fails where a pinned package has a known hole, and only there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checks import list_quick_checks

ROOT = Path(__file__).resolve().parents[2]
SOUND = ("echo 'No known vulnerabilities found' >&2", 0)
HOLE = (
    "echo 'Found 1 known vulnerability in 1 package' >&2; echo 'Name Version ID Fix Versions'; "
    "echo 'jinja2 2.4.1 PYSEC-2014-8 2.7.2'; exit 1",
    1,
)
NO_LIST = ("echo 'WARNING:pip_audit:Dependency could not be audited: django (5.2.16)' >&2", 0)
NO_NETWORK = ("echo 'error: Failed to fetch: `https://example.org/simple/pip-audit/`' >&2; exit 2", 0)
NO_SERVICE = ("echo 'ERROR:pip_audit._cli:ServiceError: connection refused' >&2; exit 1", 0)
NO_FEED = ('echo "ERROR:pip_audit._cli:Could not connect to PyPI\'s vulnerability feed" >&2; exit 1', 0)
NO_ANSWER = ("exec sleep 30", 0)
NO_SUCH_OPTION = "echo 'pip-audit: error: unrecognized arguments: --nonsense' >&2; exit 2"
NO_LOCK = "echo 'ERROR:pip_audit._cli:InvalidRequirementSpecifier: line 3' >&2; exit 1"
NO_PROGRAM = "exit 127"


def audit(folder: Path, uv: str) -> subprocess.CompletedProcess[str]:
    """The script beside a `uv` that answers so: what pip-audit says is its affair, what we make of it ours."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "audit", folder / ".ci" / "audit")
    program = folder / ".venv" / "bin" / "uv"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{uv}\n", encoding="utf-8")
    program.chmod(0o755)
    return subprocess.run(
        [folder / ".ci" / "audit"],
        env={**os.environ, "GRADUS_AUDIT_SECONDS": "1"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(("uv", "status"), [SOUND, HOLE])
def test_what_was_found_is_told_and_a_hole_fails(uv: str, status: int, tmp_path: Path) -> None:
    told = audit(tmp_path, uv)

    assert told.returncode == status
    assert ("PYSEC-2014-8" in told.stdout) == bool(status)
    assert "nothing was audited" not in told.stdout


@pytest.mark.parametrize(("uv", "status"), [NO_LIST, NO_NETWORK, NO_SERVICE, NO_FEED, NO_ANSWER])
def test_where_nobody_can_be_asked_it_says_so_and_holds_nothing_up(
    uv: str, status: int, tmp_path: Path
) -> None:
    told = audit(tmp_path, uv)

    assert told.returncode == status
    assert "nothing was audited" in told.stdout


@pytest.mark.parametrize(
    ("uv", "said"),
    [(NO_SUCH_OPTION, "unrecognized"), (NO_LOCK, "InvalidRequirementSpecifier"), (NO_PROGRAM, "")],
)
def test_a_question_that_fails_is_no_answer(uv: str, said: str, tmp_path: Path) -> None:
    told = audit(tmp_path, uv)

    assert told.returncode == 1
    assert said in told.stdout
    assert "nothing was audited" not in told.stdout


def test_a_build_machine_asks_and_a_laptop_does_not() -> None:
    """`.ci/run` is `./run test --all`."""
    titles = [dict(list_quick_checks("test", is_everything=everything)) for everything in (True, False)]

    assert "exec ./run test --all" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ["known holes" in checks for checks in titles] == [True, False]
