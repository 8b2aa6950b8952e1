"""What every judge offers: traces in, a probability for each step or a refusal for each trace out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class JudgedTrace:
    """What a judge sees of a trace: the problem, the steps' texts, and the reference answer where it may."""

    problem: str
    steps: tuple[str, ...]
    reference_answer: str | None = None


@dataclass(frozen=True)
class Opinion:
    """P(step is correct) for each of S steps, None where the judge says nothing of a step.

    `rationales` holds a text for each step ("" where there is nothing to say), or nothing at all.
    """

    probabilities: tuple[float | None, ...]
    rationales: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoOpinion:
    """Why the judge could not look at a trace, in one sentence."""

    reason: str


class Judge(Protocol):
    """A model or a rule that gives each step a probability of being correct."""

    def score(self, traces: Sequence[JudgedTrace]) -> list[Opinion | NoOpinion]:
        """One opinion for each trace, in their order."""
        ...
