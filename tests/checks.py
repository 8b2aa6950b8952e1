"""All checks of `./run test` and `./run lint`, the cheapest first; the first failure ends them.

python -m tests.checks lint | test [--all]
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# One test process a core; the tests of a file stay together, and files start in the order that tests/conftest.py gives.
SIDE_BY_SIDE = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")
CONTRACTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
TYPES = (sys.executable, "-m", "mypy")


def main(what: str, *options: str) -> int:
    """The exit status: 0, or that of the first check that failed."""
    is_everything = options == ("--all",)
    for title, command in list_quick_checks(what, is_everything=is_everything):
        print(f"── {title}", flush=True)
        if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
            return status
    if what == "lint":
        return 0
    print("── mypy, and the tests meanwhile", flush=True)
    chosen = () if is_everything else ("-m", "not slow")
    return run_beside((sys.executable, "-m", "pytest", *SIDE_BY_SIDE, *chosen), TYPES)


def list_quick_checks(what: str, *, is_everything: bool) -> list[tuple[str, Sequence[str]]]:
    """What goes one after the other, each with its title; before tests types are left to `run_beside`."""
    checks: list[tuple[str, Sequence[str]]] = [
        ("ruff check", (sys.executable, "-m", "ruff", "check", ".", "run")),
        ("ruff format", (sys.executable, "-m", "ruff", "format", "--check", ".", "run")),
        ("import contracts", (sys.executable, "-c", CONTRACTS)),
    ]
    if what == "lint":
        checks.append(("mypy", TYPES))
    if is_everything:
        checks.append(("known holes", (str(ROOT / ".ci" / "audit"),)))
    return checks


def run_beside(tests: Sequence[str], check: Sequence[str]) -> int:
    """Run tests and a check at a time: in a fresh clone types take a minute, and tests wait for a quarter of their
    time. A failed check ends the tests, and what it said comes last."""
    running = subprocess.Popen(tests, cwd=ROOT)
    checking = subprocess.Popen(check, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told: list[str] = []
    is_ending = threading.Event()

    def watch() -> None:
        told.append(checking.communicate()[0])
        if checking.returncode and not is_ending.is_set():
            running.send_signal(signal.SIGINT)

    def end(number: int, frame: object) -> None:
        is_ending.set()
        if number == signal.SIGTERM:  # Ctrl-C reached them too; this did not
            running.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    watching = threading.Thread(target=watch)
    watching.start()
    status = running.wait()
    if is_ending.is_set():
        checking.kill()
    watching.join()
    if is_ending.is_set() or not checking.returncode:
        return status
    print(f"── {' '.join(check[1:])}\n{told[0]}", flush=True)
    return checking.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
