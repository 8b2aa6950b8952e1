"""`./run test` checks types while the tests run: whichever fails, it is told, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.processes import wait_for

BESIDE = """
import sys
from tests.checks import run_beside
sys.exit(run_beside((sys.executable, "-c", sys.argv[1]), (sys.executable, "-c", sys.argv[2])))
"""
PASSES = "print('2 passed')"
FAILS = "raise SystemExit('1 failed')"
WAITS = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: raise SystemExit('stopped')"
WRONG = "print('a type is wrong'); raise SystemExit(3)"


def start(tests: str, check: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BESIDE, tests, check],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("tests", "check", "status", "words"),
    [(PASSES, "", 0, "2 passed"), (FAILS, "", 1, "1 failed"), (PASSES, WRONG, 3, "a type is wrong")],
)
def test_the_status_is_that_of_what_failed(tests: str, check: str, status: int, words: str) -> None:
    program = start(tests, check)
    told, _ = program.communicate(timeout=60)

    assert program.returncode == status
    assert words in told


def test_a_wrong_type_ends_the_tests_and_is_told_last() -> None:
    program = start(WAITS, "import time; time.sleep(1); " + WRONG)
    told, _ = program.communicate(timeout=50)

    assert program.returncode == 3
    assert told.index("stopped") < told.index("a type is wrong")


@pytest.mark.parametrize(("number", "ends_all"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)])
def test_it_stops_when_told_to_and_leaves_nothing_running(
    number: signal.Signals, ends_all: object, tmp_path: Path
) -> None:
    """Ctrl-C reaches everything at a terminal; a build machine's SIGTERM the launcher alone."""
    ready = [tmp_path / "tests", tmp_path / "check"]
    program = start(*(f"open({str(mark)!r}, 'w').close()\n{WAITS}" for mark in ready))
    assert wait_for(lambda: all(mark.exists() for mark in ready), seconds=30)

    assert callable(ends_all)
    ends_all(program.pid, number)
    program.communicate(timeout=20)

    assert program.returncode != 0
    with pytest.raises(ProcessLookupError):
        os.killpg(program.pid, 0)
