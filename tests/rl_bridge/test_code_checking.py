"""Code that a model wrote is run against its tests: shut in, limited, and only where somebody turned it on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from rl_bridge import code_checking
from rl_bridge.code_checking import BadTests, CodeNotAllowed, NoSandbox, find_code, passes_tests, read_problem
from rl_bridge.verifiers import BadGroundTruth, check_answer, extract_final_answer

TESTS = "assert double(2) == 4\nassert double(0) == 0"
HUMAN_EVAL = json.dumps(
    {
        "tests": "def check(candidate):\n    assert candidate([1, 2]) == 3",
        "entry_point": "total",
        "beginning": "def total(numbers):\n",
    }
)


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADUS_RUNS_CODE", "1")
    try:
        code_checking._run("pass")
    except NoSandbox as error:
        pytest.skip(str(error))


def fence(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\nThat doubles."


def passes(code: str, tests: str = "pass") -> bool | None:
    return passes_tests(fence(code), tests)


def test_it_is_off_unless_somebody_turns_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADUS_RUNS_CODE", raising=False)

    with pytest.raises(CodeNotAllowed, match="GRADUS_RUNS_CODE=1 turns it on"):
        passes("def double(x): return 2 * x", TESTS)


def test_where_code_can_not_be_shut_in_none_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runner = tmp_path / "runner.py"
    runner.write_text("import sys; sys.stdin.read(); print('no sandbox: unshare: not permitted', end='')")
    monkeypatch.setattr(code_checking, "_RUNNER", runner)
    monkeypatch.setenv("GRADUS_RUNS_CODE", "1")

    with pytest.raises(NoSandbox, match=r"none is run \(unshare: not permitted\)"):
        passes("def double(x): return 2 * x", TESTS)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def double(x):\n    return 2 * x", True),
        ("def double(x):\n    return x + 2", False),
        ("def double(x)\n    return 2 * x", False),
        ("import math\ndef double(x):\n    return int(math.fsum([x, x]))", True),
        ("import sys\ndef double(x):\n    return 2 * x\nsys.exit(0)", False),
        ("import os\nos._exit(0)", False),
    ],
    ids=["right", "wrong", "no Python", "a library", "leaves early", "leaves hard"],
)
def test_code_passes_where_its_tests_do(switched_on: None, code: str, verdict: bool) -> None:
    assert passes(code, TESTS) is verdict


@pytest.mark.parametrize(
    "completion", [fence("    return sum(numbers)"), fence("def total(n):\n    return sum(n)")]
)
def test_human_eval_s_problems_take_a_body_and_a_whole_function(switched_on: None, completion: str) -> None:
    assert check_answer(verifier="code", completion=completion, ground_truth=HUMAN_EVAL) is True


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 80), 1)",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.kill(1, 0)",
        "open('/tmp/written', 'w')",
        "import os; open(os.path.join(os.path.dirname(os.__file__), 'written'), 'w')",
        "open('/etc/passwd')",
        f"open({str(Path(__file__))!r})",
        "open('/proc/self/environ')",
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes; assert ctypes.CDLL(None).mount(b'none', b'/', b'tmpfs', 0, None) == 0",
        "a = 'x' * 10 ** 10",
    ],
)
def test_nothing_gets_out_and_nothing_gets_in(switched_on: None, attempt: str) -> None:
    assert passes(attempt) is False


def test_its_environment_is_empty_and_threads_are_allowed(switched_on: None) -> None:
    code = (
        "import os, threading\nseen = []\nthread = threading.Thread(target=lambda: seen.append(1))\n"
        "thread.start()\nthread.join()\nassert seen == [1] and 'GRADUS_RUNS_CODE' not in os.environ"
    )

    assert passes(code) is True


def test_code_that_never_ends_is_ended(switched_on: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_checking, "_LIMITS", {"cpu_seconds": 1, "memory_bytes": 1024**3})
    started = time.monotonic()

    assert passes("while True: pass") is False
    monkeypatch.setattr(code_checking, "CODE_SECONDS", 1.0)
    assert passes("import time; time.sleep(60)") is None
    assert time.monotonic() - started < 30


def test_whoever_is_ended_from_outside_leaves_nobody_behind(
    switched_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_checking, "CODE_SECONDS", 1.0)

    assert passes("import time; time.sleep(987)") is None

    deadline = time.monotonic() + 10
    while _list_runners() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _list_runners() == []


def _list_runners() -> list[str]:
    """Processes of the runner whose parents are gone, or that are ours."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1]) if words else 0
        except OSError:
            continue
        if str(code_checking._RUNNER).encode() in words and parent in (1, os.getpid()):
            found.append(entry.name)
    return found


@pytest.mark.parametrize(
    ("completion", "code"),
    [
        ("```\nx = 1\n```\nor better\n```py\nx = 2\n```", "x = 2\n"),
        ("<think>```python\nx = 1\n```</think>def f():\n    pass", "def f():\n    pass"),
        ("I can't do that.", None),
        ("", None),
    ],
)
def test_the_code_of_an_answer_is_its_last_block_or_all_of_it(completion: str, code: str | None) -> None:
    assert find_code(completion) == code


@pytest.mark.parametrize(
    ("ground_truth", "words"),
    [
        ("", "needs tests"),
        ('{"entry_point": "f"}', "needs tests"),
        ('{"tests": 3}', "are text"),
        ('{"tests": "pass", "entry_point": "f(); evil"}', "no name of a function"),
    ],
)
def test_a_problem_without_tests_is_told(ground_truth: str, words: str) -> None:
    with pytest.raises(BadTests, match=words):
        read_problem(ground_truth)
    with pytest.raises(BadGroundTruth, match=words):
        check_answer(verifier="code", completion="", ground_truth=ground_truth)


def test_tests_that_begin_with_a_brace_and_are_python_are_python() -> None:
    assert read_problem("{1}.issubset({1})").tests == "{1}.issubset({1})"


def test_an_answer_without_code_is_wrong_and_nothing_is_run_for_it() -> None:
    assert check_answer(verifier="code", completion="I give up.", ground_truth=TESTS) is False
    assert extract_final_answer(fence("x = 1"), "code") is None
