"""What every judge offers: traces in, a probability for each step or a refusal for each trace out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class JudgedTrace:
    """What a judge sees of a trace: the problem, the steps' texts, and the reference answer where it may.

    `verifier` and `ground_truth` are for judges that check final answers; no model is told them.
    """

    problem: str
    steps: tuple[str, ...]
    reference_answer: str | None = None
    verifier: str = ""
    ground_truth: str = ""


@dataclass(frozen=True)
class Opinion:
    """P(step is correct) for each of S steps, None where the judge says nothing of a step.

    `rationales` holds a text for each step ("" where there is nothing to say), or nothing at all. `fault` says why the
    judge's answer could not be read, where it could not; then it says nothing of any step.
    """

    probabilities: tuple[float | None, ...]
    rationales: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class NoOpinion:
    """Why the judge could not look at a trace, in one sentence."""

    reason: str


def never() -> bool:
    """Nobody wants it to stop."""
    return False


class Judge(Protocol):
    """A model or a rule that gives each step a probability of being correct."""

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        """One opinion for each trace, in their order.

        Calls `should_stop` about once a second, or once a trace; what it raises comes through.
        """
        ...
