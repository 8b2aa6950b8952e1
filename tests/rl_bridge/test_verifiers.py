"""What counts as correct, for each verifier, and what a hostile answer cannot do."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import reasoning_gym

from rl_bridge import checking, verifiers


def gym_truth(dataset: str, index: int = 0, **options: object) -> tuple[str, str]:
    """The reference answer of one problem as a prompt carries it, and the answer alone."""
    entry = reasoning_gym.create_dataset(dataset, size=index + 1, seed=7, **options)[index]
    kept = {"answer": entry["answer"], "metadata": entry["metadata"]}
    return json.dumps({"dataset": dataset, "entry": kept}), entry["answer"]


@pytest.mark.parametrize(
    ("completion", "ground_truth", "correct"),
    [
        ("12 + 7 = 19", "19", True),
        ("12 + 7 = 19", "19.00", True),
        ("It is 1,200.", "1200", True),
        ("It is 0.5", "1/2", True),
        ("It is 20", "19", False),
        ("No idea", "19", False),
        ("", "19", False),
        ("#### 72", "She sold 48 and 24, so 48 + 24 = 72\n#### 72", True),
    ],
)
def test_numeric_compares_exact_values(completion: str, ground_truth: str, correct: bool) -> None:
    found = verifiers.check_answer(verifier="numeric", completion=completion, ground_truth=ground_truth)

    assert found is correct


@pytest.mark.parametrize(
    ("completion", "correct"),
    [("The answer is blue  whale.", True), ("blue whale", True), ("Blue whale", False), ("whale", False)],
)
def test_exact_compares_text_with_spaces_collapsed(completion: str, correct: bool) -> None:
    found = verifiers.check_answer(verifier="exact", completion=completion, ground_truth="blue whale")

    assert found is correct


@pytest.mark.parametrize(
    ("completion", "ground_truth", "correct"),
    [
        ("The answer is (B).", "B", True),
        ("The answer is b", "(B) Paris", True),
        ("The answer is (C).", "B", False),
        ("I can't say.", "B", False),
    ],
)
def test_choice_compares_letters(completion: str, ground_truth: str, correct: bool) -> None:
    found = verifiers.check_answer(verifier="choice", completion=completion, ground_truth=ground_truth)

    assert found is correct


@pytest.mark.parametrize(
    ("completion", "ground_truth", "correct"),
    [
        (r"So $x = \frac{1}{2}$.", "0.5", True),
        (r"Hence \boxed{x^2+2x+1}", "$(x+1)^2$", True),
        (r"Hence \boxed{2\sqrt{2}}", r"\sqrt{8}", True),
        (r"Hence \boxed{3}", r"\boxed{4}", False),
        ("nothing here", "4", False),
    ],
)
def test_math_compares_symbolically(completion: str, ground_truth: str, correct: bool) -> None:
    found = verifiers.check_answer(verifier="math", completion=completion, ground_truth=ground_truth)

    assert found is correct


@pytest.mark.parametrize("dataset", ["basic_arithmetic", "chain_sum", "family_relationships", "countdown"])
def test_a_dataset_accepts_its_own_answer_and_no_other(dataset: str) -> None:
    ground_truth, answer = gym_truth(dataset)

    def check(completion: str) -> bool | None:
        return verifiers.check_answer(
            verifier="reasoning_gym", completion=completion, ground_truth=ground_truth
        )

    assert check(f"I thought.\nThe answer is {answer}") is True
    assert check("The answer is 123456") is False
    assert check("") is False


def test_a_dataset_may_accept_another_right_answer() -> None:
    entry = {"answer": "94*4 - 61 - 6", "metadata": {"numbers": [6, 61, 94, 4], "target": 309}}
    ground_truth = json.dumps({"dataset": "countdown", "entry": entry})

    found = verifiers.check_answer(
        verifier="reasoning_gym", completion="Answer: 4*94 - 6 - 61", ground_truth=ground_truth
    )

    assert found is True


def test_a_grid_answer_is_read_over_several_lines() -> None:
    ground_truth, answer = gym_truth("binary_matrix")

    found = verifiers.check_answer(
        verifier="reasoning_gym", completion=f"The distances are\n{answer}", ground_truth=ground_truth
    )

    assert "\n" in answer
    assert found is True


def test_without_a_verifier_nothing_is_checked() -> None:
    assert verifiers.check_answer(verifier="", completion="19", ground_truth="19") is None
    assert verifiers.extract_final_answer("19", "") is None


@pytest.mark.parametrize(
    ("verifier", "answer"),
    [
        ("numeric", "19"),
        ("exact", "19 (B)"),
        ("choice", "B"),
        ("math", "19 (B)"),
        ("reasoning_gym", "19 (B)"),
    ],
)
def test_the_final_answer_is_shown_as_the_verifier_reads_it(verifier: str, answer: str) -> None:
    completion = "So it is (B)\n19 (B)"

    assert verifiers.extract_final_answer(completion, verifier) == answer


def test_an_unknown_verifier_is_named() -> None:
    with pytest.raises(verifiers.UnknownVerifier, match="'magic'"):
        verifiers.check_answer(verifier="magic", completion="1", ground_truth="1")


@pytest.mark.parametrize(
    ("verifier", "ground_truth"),
    [
        ("numeric", ""),
        ("numeric", "nineteen"),
        ("choice", "Paris"),
        ("exact", "  "),
        ("math", ""),
        ("reasoning_gym", "19"),
        ("reasoning_gym", "{}"),
        ("reasoning_gym", '{"dataset": "chain_sum"}'),
        ("reasoning_gym", '{"dataset": "no_such_set", "entry": {"answer": "1", "metadata": {}}}'),
    ],
)
def test_a_reference_answer_of_the_wrong_kind_is_an_error(verifier: str, ground_truth: str) -> None:
    with pytest.raises(verifiers.BadGroundTruth):
        verifiers.check_answer(verifier=verifier, completion="The answer is 1", ground_truth=ground_truth)


def test_an_answer_that_a_scorer_evaluates_cannot_write_files(tmp_path: Path) -> None:
    target = tmp_path / "written"
    entry = {"answer": "['A']", "metadata": {"answer": ["A"]}}
    truth = json.dumps({"dataset": "string_insertion", "entry": entry})
    for attack in (
        f"__import__('os').system('touch {target}')",
        f"[open('{target}', 'w').write('x')]",
        f"[__import__('pathlib').Path('{target}').touch()]",
        f"[__import__('subprocess').run(['touch', '{target}'])]",
    ):
        verifiers.check_answer(
            verifier="reasoning_gym", completion=f"<answer>{attack}</answer>", ground_truth=truth
        )

    assert not target.exists()


ATTACKS = [
    "open('/etc/hostname')",
    "open('{libraries}/../../../../../../etc/hostname')",
    "os.open('{libraries}/new', os.O_CREAT)",
    "os.listdir('/')",
    "os.system('true')",
    "os.fork()",
    "os.kill(os.getppid(), 0)",
    "os.remove('{libraries}/typing_extensions.py')",
    "os.rename('{libraries}/typing_extensions.py', '/tmp/x')",
    "__import__('subprocess').run(['true'])",
    "__import__('socket').socket()",
    "__import__('ctypes').CDLL(None)",
]


def test_the_worker_refuses_what_comparing_never_needs() -> None:
    code = f"""
import os, runpy, sys, sysconfig
worker = runpy.run_path({str(checking._WORKER_SCRIPT)!r}, run_name="worker")
worker["forbid_side_effects"]()
for attack in {ATTACKS!r}:
    try:
        eval(attack.replace("{{libraries}}", sysconfig.get_path("purelib")))
        print("went through:", attack)
    except worker["ForbiddenInWorker"]:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:-1] == ["refused"] * len(ATTACKS)


def test_the_worker_gets_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    checking._checking.close()
    verifiers.check_answer(verifier="math", completion=r"\boxed{2}", ground_truth="2")

    worker = checking._checking.worker
    assert worker is not None
    assert b"secret" not in Path(f"/proc/{worker._process.pid}/environ").read_bytes()


def test_an_answer_that_never_ends_is_not_known_and_the_next_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verifiers, "CHECK_SECONDS", 1.5)
    entry = {"answer": "A", "metadata": {}}
    truth = json.dumps({"dataset": "string_insertion", "entry": entry})

    endless = verifiers.check_answer(
        verifier="reasoning_gym", completion="<answer>[9**9**9**9]</answer>", ground_truth=truth
    )
    after = verifiers.check_answer(verifier="math", completion=r"\boxed{2}", ground_truth="2")

    assert endless is None
    assert after is True


def test_a_worker_that_dies_is_an_error_and_the_next_check_starts_another() -> None:
    assert verifiers.check_answer(verifier="math", completion=r"\boxed{2}", ground_truth="2") is True
    worker = checking._checking.worker
    assert worker is not None
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()

    with pytest.raises(checking.CheckingFailed, match="died"):
        verifiers.check_answer(verifier="math", completion=r"\boxed{2}", ground_truth="2")

    assert verifiers.check_answer(verifier="math", completion=r"\boxed{2}", ground_truth="2") is True


@pytest.mark.parametrize(
    ("script", "error"),
    [("raise SystemExit(1)", checking.CheckingFailed), ("while True: pass", checking.CheckingTimedOut)],
)
def test_a_worker_that_does_not_start_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, error: type[Exception]
) -> None:
    checking._checking.close()
    broken = tmp_path / "worker.py"
    broken.write_text(script)
    with monkeypatch.context() as patched:
        patched.setattr(checking, "_WORKER_SCRIPT", broken)
        patched.setattr(checking, "_START_SECONDS", 1.0)
        with pytest.raises(error):
            checking.ask_worker({"kind": "math"}, timeout_seconds=1)

    assert checking._checking.worker is None
    assert verifiers.check_answer(verifier="math", completion=r"\boxed{2}", ground_truth="2") is True


def test_threads_get_their_own_replies() -> None:
    def check(value: int) -> bool | None:
        assert threading.current_thread() is not threading.main_thread()
        truth = value if value % 3 else value + 1
        return verifiers.check_answer(
            verifier="math", completion=f"\\boxed{{{value}}}", ground_truth=str(truth)
        )

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(check, range(24)))

    assert found == [value % 3 != 0 for value in range(24)]


def test_a_forked_child_uses_a_worker_of_its_own() -> None:
    code = """
import os
from rl_bridge import checking, verifiers
check = lambda n: verifiers.check_answer(verifier="math", completion=r"\\boxed{2}", ground_truth=str(n))
assert check(2) is True
parents = checking._checking.worker._process.pid
child = os.fork()
if child == 0:
    ok = check(2) is True and check(3) is False and checking._checking.worker._process.pid != parents
    checking._checking.close()
    os._exit(0 if ok else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert check(3) is False and checking._checking.worker._process.pid == parents
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_verifiers_load_neither_torch_nor_the_libraries_they_ask() -> None:
    code = """
import sys
import rl_bridge.verifiers
heavy = {"torch", "transformers", "datasets", "trl", "sympy", "math_verify", "reasoning_gym", "numpy"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_request_larger_than_a_pipe_arrives_whole_although_signals_interrupt_it() -> None:
    request = {"kind": "math", "expected": "4", "answer": "\\boxed{4}", "unread": "x" * 4_000_000}
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        answers = [checking.ask_worker(request, timeout_seconds=30) for _ in range(3)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert answers == [True, True, True]
