"""Runs the unit tests of a programming problem against the code in a completion, shut in a process of its own.

Off unless whoever runs the installation turns it on (`GRADUS_RUNS_CODE=1` where workers or trainers run): what a model
wrote is hostile. The process has namespaces of its own without a network, a root of Python's own files that it can't
write to, no other process to see or start, and limits of memory, CPU and time (`code_runner.py`); where the kernel
allows no such namespaces, nothing is run. It is no proof against code that looks for its examiner: a program can always
claim to have passed its own tests.
"""

import dataclasses
import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

from rl_bridge import answers
from rl_bridge.errors import BridgeError

CODE_SECONDS = 10.0
_RUNNER = Path(__file__).with_name("code_runner.py")
_LIMITS = {"cpu_seconds": 6, "memory_bytes": 1024**3}
_FENCE = re.compile(
    r"^```[ \t]*(?:python|py|python3)?[ \t]*\n(.*?)^```", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_DEFINITION = re.compile(r"^(?:async )?(?:def|class) ", re.MULTILINE)


class CodeNotAllowed(BridgeError):
    """Running code is off in this installation."""


class NoSandbox(BridgeError):
    """This machine can't shut code in, so it runs none."""


class BadTests(BridgeError):
    """The ground truth holds no tests."""


@dataclasses.dataclass(frozen=True)
class CodeProblem:
    """`tests` is Python that raises where the code is wrong. With an `entry_point` it defines `check(candidate)`, as
    HumanEval's do, which is called with what has that name. `beginning` goes before code that is only a body."""

    tests: str
    entry_point: str = ""
    beginning: str = ""


def read_problem(ground_truth: str) -> CodeProblem:
    """Read tests: Python as it is, or JSON {"tests": …, "entry_point": …, "beginning": …}. Raises `BadTests`."""
    fields: object = None
    if ground_truth.lstrip().startswith("{"):
        try:
            fields = json.loads(ground_truth)
        except ValueError:
            fields = None
    if isinstance(fields, dict):
        known = {name: fields.get(name, "") for name in ("tests", "entry_point", "beginning")}
        if not all(isinstance(value, str) for value in known.values()):
            raise BadTests("The tests of a code problem are text.")
        problem = CodeProblem(**known)
    else:
        problem = CodeProblem(tests=ground_truth)
    if not problem.tests.strip():
        raise BadTests("A code problem needs tests: Python that raises where the code is wrong.")
    if problem.entry_point and not problem.entry_point.isidentifier():
        raise BadTests(f"The entry point {problem.entry_point[:40]!r} is no name of a function.")
    return problem


def find_code(completion: str) -> str | None:
    """Return the last fenced block of code, or the whole answer where it has none but defines something, else None."""
    text = answers.conclude(completion)
    blocks = _FENCE.findall(text)
    if blocks:
        return str(blocks[-1])
    return text if _DEFINITION.search(text) else None


def passes_tests(completion: str, ground_truth: str) -> bool | None:
    """Say whether the completion's code passes the tests; None where that took too long to say.

    Raises `BadTests`, `CodeNotAllowed`, `NoSandbox`.
    """
    problem = read_problem(ground_truth)
    code = find_code(completion)
    if code is None:
        return False
    if os.environ.get("GRADUS_RUNS_CODE", "").lower() not in ("1", "true", "yes", "on"):
        raise CodeNotAllowed("Running code that models write is off here; GRADUS_RUNS_CODE=1 turns it on.")
    return _run(_build_program(code, problem))


def _build_program(code: str, problem: CodeProblem) -> str:
    is_whole = not problem.entry_point or re.search(
        rf"^(?:async )?def {problem.entry_point}\b", code, re.MULTILINE
    )
    parts = [problem.beginning if problem.beginning and not is_whole else "", code, problem.tests]
    if problem.entry_point:
        parts.append(f"check({problem.entry_point})")
    return "\n".join(part for part in parts if part) + "\n"


def _run(program: str) -> bool | None:
    token = secrets.token_hex(16)
    request = json.dumps({"code": program, "limits": _LIMITS, "token": token})
    with subprocess.Popen(
        [sys.executable, "-I", str(_RUNNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LANG": "C.UTF-8"},
    ) as process:
        try:
            told, _ = process.communicate(request.encode("utf-8", "replace"), timeout=CODE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        except BaseException:  # also a task's time limit
            process.kill()
            raise
    if told.startswith(b"no sandbox"):
        reason = told.decode("utf-8", "replace").partition(": ")[2]
        raise NoSandbox(f"This machine can't shut code in, so none is run ({reason}).")
    return told == token.encode()
