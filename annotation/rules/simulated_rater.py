"""How a simulated rater rates: a program's guess, made to look at pages before people have rated.

It is no person and knows no truth. What it takes for the first error is the first step whose arithmetic fails, or
else the last step of a trace whose final answer is wrong; it then misses errors and sees false ones at the rates it
was given. Every page calls such raters simulated.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SimulatedRater:
    """Rates are shares in [0, 1]. `sensitivity`: of errors found. `false_alarm`: of sound steps called bad, for each
    step. `neutral`: of sound steps that state no equation and are called neutral. `swayed`: of ratings given with a
    judge's scores in view, those that take over the judge's first error in place of their own finding."""

    sensitivity: float = 0.9
    false_alarm: float = 0.03
    neutral: float = 0.3
    swayed: float = 0.0

    def rate(
        self,
        arithmetic: Sequence[float | None],
        is_answer_correct: bool | None,
        source: random.Random,
        *,
        shown: Sequence[float | None] | None = None,
    ) -> tuple[int | None, ...]:
        """Labels for S steps, none after the first −1.

        arithmetic: S probabilities of the arithmetic judge, none for a step without an equation. shown: S of the judge
        whose scores are in view, none where the rating is blind. The same source state gives the same labels.
        """
        error = guess_first_error(arithmetic, is_answer_correct)
        finds_it = source.random() < self.sensitivity
        if shown is not None and source.random() < self.swayed:
            error, finds_it = guess_first_error(shown, None), True
        labels: list[int | None] = []
        for index, probability in enumerate(arithmetic):
            if (index == error and finds_it) or source.random() < self.false_alarm:
                return (*labels, -1, *[None] * (len(arithmetic) - index - 1))
            says_neutral = probability is None and source.random() < self.neutral
            labels.append(0 if says_neutral else 1)
        return tuple(labels)


def guess_first_error(arithmetic: Sequence[float | None], is_answer_correct: bool | None) -> int | None:
    """Index of what is taken for the first error; None where nothing speaks against the trace."""
    for index, probability in enumerate(arithmetic):
        if probability is not None and probability < 0.5:
            return index
    return len(arithmetic) - 1 if is_answer_correct is False and arithmetic else None
