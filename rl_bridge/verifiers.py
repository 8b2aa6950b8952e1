"""What "correct" means: checks a completion's final answer against the reference answer.

The web app, the reward functions and the evaluation all ask here, so that the meaning exists once. Loads no torch.
"""

import json
import re
from typing import Any

from rl_bridge import answers
from rl_bridge.checking import CheckingTimedOut, UnknownDataset, ask_worker
from rl_bridge.code_checking import BadTests, passes_tests
from rl_bridge.errors import BridgeError

VERIFIERS = ("numeric", "exact", "choice", "math", "reasoning_gym", "code")
CHECK_SECONDS = 10.0
_MATH_TAIL = 4_000  # characters; math-verify looks for the answer from the end

__all__ = [
    "CHECK_SECONDS",
    "VERIFIERS",
    "BadGroundTruth",
    "UnknownVerifier",
    "check_answer",
    "extract_final_answer",
]


class UnknownVerifier(BridgeError):
    """No verifier has that name."""


class BadGroundTruth(BridgeError):
    """The reference answer is not what the verifier needs: a number, a letter, text, or a dataset's entry."""


def extract_final_answer(completion: str, verifier: str) -> str | None:
    """Return the final answer as `verifier` reads it, for showing; None where there is none or no verifier.

    Raises `UnknownVerifier`.
    """
    if verifier == "":
        return None
    if verifier == "numeric":
        return answers.find_number(completion)
    if verifier == "choice":
        return answers.find_choice(completion)
    if verifier == "code":
        return None  # the whole program is the answer
    if verifier in VERIFIERS:
        return answers.find_text_answer(completion)
    raise UnknownVerifier(f"There is no verifier named {verifier!r}; there are {', '.join(VERIFIERS)}.")


def check_answer(*, verifier: str, completion: str, ground_truth: str) -> bool | None:
    """Say whether the completion's final answer is correct.

    numeric: equal as exact rational numbers. exact: equal text, spaces collapsed. choice: the same letter. math: equal
    by math-verify. reasoning_gym: `ground_truth` is JSON `{"dataset": name, "entry": {"answer": …, "metadata": …}}`
    and the dataset's own scorer gives at least 0.99. code: its unit tests pass, see `code_checking`.

    None where `verifier` is "" (nothing to check) or comparing took longer than `CHECK_SECONDS` (not known). A
    completion without an answer is wrong. Raises `UnknownVerifier`, `BadGroundTruth`, `CheckingFailed`, and for code
    `CodeNotAllowed` and `NoSandbox`.
    """
    answer = extract_final_answer(completion, verifier)
    if verifier == "":
        return None
    if verifier == "reasoning_gym":
        return _check_reasoning_gym(completion, ground_truth)
    if verifier == "code":
        try:
            return passes_tests(completion, ground_truth)
        except BadTests as error:
            raise BadGroundTruth(str(error)) from error
    if not ground_truth.strip():
        raise BadGroundTruth(f"The verifier {verifier} needs a reference answer, and this prompt has none.")
    if verifier == "numeric":
        return _check_numeric(answer, ground_truth)
    if verifier == "choice":
        return answer == _read_choice(ground_truth)
    if verifier == "exact":
        expected = _collapse(ground_truth)
        return expected in (_collapse(answer or ""), _collapse(completion))
    tail = answers.conclude(completion)[-_MATH_TAIL:]
    return _ask({"kind": "math", "expected": ground_truth, "answer": tail})


def _check_numeric(answer: str | None, ground_truth: str) -> bool:
    expected = answers.read_number(ground_truth)
    if expected is None:
        stated = answers.find_number(ground_truth)  # a whole worked solution, as in "… #### 72"
        expected = answers.read_number(stated) if stated else None
    if expected is None:
        raise BadGroundTruth(f"The reference answer {ground_truth[:80]!r} holds no number.")
    return answer is not None and answers.read_number(answer) == expected


def _check_reasoning_gym(completion: str, ground_truth: str) -> bool | None:
    try:
        fields: Any = json.loads(ground_truth)
        dataset, entry = str(fields["dataset"]), fields["entry"]
        expected = entry["answer"]
    except (ValueError, TypeError, KeyError) as error:
        raise BadGroundTruth(
            'A reasoning_gym reference answer is JSON {"dataset": name, "entry": {"answer": …, "metadata": …}}, '
            f"not {ground_truth[:80]!r}."
        ) from error
    answer = _find_answer_like(str(expected), completion)
    if answer is None:
        return False
    try:
        return _ask({"kind": "reasoning_gym", "dataset": dataset, "entry": entry, "answer": answer})
    except UnknownDataset as error:
        raise BadGroundTruth(str(error)) from error


def _find_answer_like(expected: str, completion: str) -> str | None:
    """Read the answer as what the dataset expects: a number, a block of lines (a grid, say), or a line of text."""
    if answers.read_number(expected) is not None:
        return answers.find_number(completion)
    num_lines = len(expected.strip().splitlines())
    if num_lines > 1:
        return answers.find_last_lines(completion, num_lines)
    return answers.find_text_answer(completion)


def _ask(request: dict[str, Any]) -> bool | None:
    try:
        return ask_worker(request, timeout_seconds=CHECK_SECONDS)
    except CheckingTimedOut:
        return None


def _read_choice(ground_truth: str) -> str:
    match = re.fullmatch(r"\W{0,4}([A-Za-z])(?:\W.*)?", ground_truth.strip(), re.DOTALL)
    if match is None:
        raise BadGroundTruth(f"The reference answer {ground_truth[:80]!r} is not the letter of an option.")
    return match[1].upper()


def _collapse(text: str) -> str:
    return " ".join(text.split())
