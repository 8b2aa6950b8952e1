"""How much shown scores pull raters towards the judge: agreement with it, assisted minus blind, with an interval.

Whether scores show before rating is drawn at random for each (rater, trace), so the difference of means is an unbiased
estimate of the effect. Each rating counts in the arm that was drawn for it, by its first revision, and only where the
judge's scores were ready when the trace was handed out. Intervals by bootstrap over traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.measuring.resampling import (
    MIN_TRACES,
    Estimate,
    Floats,
    divide,
    draw_weights,
    summarise,
)
from annotation.measuring.rows import DrawnRating
from annotation.rules.rating import BAD, verdict

MIN_RATINGS = 10
"""In each arm, on 10 traces; with fewer nothing is said."""
ERROR_BELOW = 0.5
"""A judge calls a step bad where its probability is lower."""


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Shares of agreement with one judge version, in each arm, and their difference (assisted minus blind).

    On steps: the mean over ratings of the share of judged steps on which rater and judge say the same. On verdicts:
    the share of ratings whose verdict on the trace is the judge's.
    """

    judge: int
    num_assisted: int
    num_blind: int
    num_traces: int
    steps_assisted: float | None
    steps_blind: float | None
    steps: Estimate
    verdicts_assisted: float | None
    verdicts_blind: float | None
    verdicts: Estimate


def measure_anchoring(judge: int, ratings: Sequence[DrawnRating]) -> Anchoring:
    """The effect of one judge version's scores on people, from the ratings on traces that it had scored."""
    sums, num_assisted, num_blind = _add_up(ratings)
    num_traces = len(sums)
    if min(num_assisted, num_blind) < MIN_RATINGS or num_traces < MIN_TRACES:
        nothing = Estimate(None, None, None, num_traces)
        return Anchoring(judge, num_assisted, num_blind, num_traces, None, None, nothing, None, None, nothing)
    total = sums.sum(axis=0, keepdims=True)
    drawn = np.concatenate([weights @ sums for weights in draw_weights(num_traces)])
    steps, verdicts = (
        summarise(float(_difference(total, kind)[0]), _difference(drawn, kind), num_traces) for kind in (1, 2)
    )
    arms = {(kind, arm): float(total[0, arm + kind] / total[0, arm]) for kind in (1, 2) for arm in (0, 3)}
    return Anchoring(
        judge=judge,
        num_assisted=num_assisted,
        num_blind=num_blind,
        num_traces=num_traces,
        steps_assisted=arms[1, 0],
        steps_blind=arms[1, 3],
        steps=steps,
        verdicts_assisted=arms[2, 0],
        verdicts_blind=arms[2, 3],
        verdicts=verdicts,
    )


def agree_on_steps(labels: Sequence[int | None], probabilities: Sequence[float | None]) -> float | None:
    """The share of steps judged by both on which both say the same; None where there is no such step."""
    both = [
        (label == BAD) == (p < ERROR_BELOW)
        for label, p in zip(labels, probabilities, strict=True)
        if label is not None and p is not None
    ]
    return sum(both) / len(both) if both else None


def find_errors(probabilities: Sequence[float | None]) -> bool:
    """The judge's verdict on the trace: whether it calls any step bad."""
    return any(p is not None and p < ERROR_BELOW for p in probabilities)


def _add_up(ratings: Sequence[DrawnRating]) -> tuple[Floats, int, int]:
    """(T, 6): for each trace, of assisted and then of blind ratings: their number, and the sums of both agreements."""
    traces = sorted({rating.trace for rating in ratings})
    place = {trace: index for index, trace in enumerate(traces)}
    sums = np.zeros((len(traces), 6))
    for rating in ratings:
        on_steps = agree_on_steps(rating.labels, rating.probabilities)
        if on_steps is None:
            continue
        same = verdict(rating.labels) == find_errors(rating.probabilities)
        arm = 0 if rating.is_assisted else 3
        sums[place[rating.trace], arm : arm + 3] += (1.0, on_steps, float(same))
    kept = sums[(sums[:, 0] + sums[:, 3]) > 0]
    return kept, int(kept[:, 0].sum()), int(kept[:, 3].sum())


def _difference(drawn: Floats, kind: int) -> Floats:
    return np.asarray(divide(drawn[:, kind], drawn[:, 0]) - divide(drawn[:, 3 + kind], drawn[:, 3]))
