"""What the verifier says of a completion's final answer, as it is stored with the trace."""

from __future__ import annotations

from dataclasses import dataclass

from rl_bridge.errors import BridgeError
from rl_bridge.verifiers import check_answer, extract_final_answer


@dataclass(frozen=True)
class Verdict:
    """`is_correct` is None where no verifier ran or could say; `error` is then why."""

    final_answer: str | None
    is_correct: bool | None
    error: str = ""


NO_VERDICT = Verdict(final_answer=None, is_correct=None)


def give_verdict(verifier: str, ground_truth: str, completion: str) -> Verdict:
    """The verifier's word. Where it can't say anything the trace is stored all the same, with the reason."""
    try:
        answer = extract_final_answer(completion, verifier)
        is_correct = check_answer(verifier=verifier, completion=completion, ground_truth=ground_truth)
    except BridgeError as error:
        return Verdict(final_answer=None, is_correct=None, error=str(error))
    return Verdict(final_answer=answer, is_correct=is_correct)
