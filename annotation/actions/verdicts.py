"""What the verifier says of a completion's final answer, as it is stored with the trace."""

from __future__ import annotations

from dataclasses import dataclass

from rl_bridge.answers import conclude, is_thinking_unclosed
from rl_bridge.code_checking import CODE_SECONDS, BadTests, read_problem
from rl_bridge.errors import BridgeError
from rl_bridge.verifiers import CHECK_SECONDS, check_answer, extract_final_answer


@dataclass(frozen=True)
class Verdict:
    """`is_correct` is None where no verifier ran or could say; `error` is then why."""

    final_answer: str | None
    is_correct: bool | None
    error: str = ""


NO_VERDICT = Verdict(final_answer=None, is_correct=None)


UNCLOSED = "Its thinking was never closed, so there is no final answer."
NOTHING_BEHIND = "Nothing stands behind its thinking, so there is no final answer."
TOO_LONG = f"Comparing the answer took longer than {CHECK_SECONDS:g} s, so whether it is right is not known."
TESTS_TOO_LONG = f"Its unit tests took longer than {CODE_SECONDS:g} s, so whether it is right is not known."


def give_verdict(verifier: str, ground_truth: str, completion: str) -> Verdict:
    """The verifier's word. Where it can't say anything the trace is stored all the same, with the reason."""
    if error := _find_missing_answer(completion):
        return Verdict(final_answer=None, is_correct=None, error=error)
    try:
        answer = extract_final_answer(completion, verifier)
        is_correct = check_answer(verifier=verifier, completion=completion, ground_truth=ground_truth)
    except BridgeError as error:
        return Verdict(final_answer=None, is_correct=None, error=str(error))
    is_late = bool(verifier) and is_correct is None
    late = TESTS_TOO_LONG if verifier == "code" else TOO_LONG
    return Verdict(final_answer=answer, is_correct=is_correct, error=late if is_late else "")


def find_unit_tests(ground_truth: str) -> str:
    """The tests that a code problem's ground truth holds, for showing; "" where it holds none."""
    try:
        return read_problem(ground_truth).tests.strip()
    except BadTests:
        return ""


def _find_missing_answer(completion: str) -> str:
    if is_thinking_unclosed(completion):
        return UNCLOSED
    return NOTHING_BEHIND if completion.strip() and not conclude(completion).strip() else ""
