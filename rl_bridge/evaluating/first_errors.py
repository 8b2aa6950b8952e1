"""Where a judge finds the first error, held against where it is: F1 as ProcessBench defines it.

Zheng et al. 2024, "ProcessBench: identifying process errors in mathematical reasoning", section 3.3: a judge's answer
is the first step under its threshold, or −1 where there is none. It is right where that is exactly the known first
error, or −1 where every step stands. F1 is the harmonic mean of the accuracy on erroneous and on correct traces.

A trace of which a judge scored no step has no answer, and so no hit: not read (too long, no reply) and read without a
word (a checker of equations where there is none) look alike in many files, and neither found the steps right. −1 is the
answer of a judge that scored at least one step and put none under its threshold.
"""

import dataclasses
from collections.abc import Hashable, Sequence

import numpy as np

from rl_bridge.evaluating.intervals import Estimate, Floats, bootstrap, divide, sum_groups

THRESHOLD = 0.5
NO_ERROR = -1


@dataclasses.dataclass(frozen=True, slots=True)
class JudgedTrace:
    """What a judge said of the S steps of a trace (None: nothing), and the index of the first error, or −1.

    `group` is the prompt: traces of one prompt are drawn together.
    """

    scores: tuple[float | None, ...]
    first_error: int
    group: Hashable


@dataclasses.dataclass(frozen=True, slots=True)
class FirstErrorFigures:
    """F1 and its two parts, with intervals over groups, and on how many traces each part rests.
    `num_unread` of them have no score at all, and are misses.

    `by_group` has for each group, in the traces' order: erroneous traces, hits on them, correct traces, hits on them.
    """

    f1: Estimate
    on_errors: Estimate
    on_correct: Estimate
    num_errors: int
    num_correct: int
    num_unread: int
    by_group: tuple[tuple[float, ...], ...]


def find_first_error(scores: Sequence[float | None], threshold: float = THRESHOLD) -> int:
    """The index of the first step whose score is under the threshold, −1 for none."""
    under = (i for i, score in enumerate(scores) if score is not None and score < threshold)
    return next(under, NO_ERROR)


def read_first_error(labels: Sequence[int]) -> int | None:
    """The first error by labels of a `stepwise` row (1, 0, −100); None where a mask comes before anything is sure."""
    for index, label in enumerate(labels):
        if label == 0:
            return index
        if label != 1:
            return None
    return NO_ERROR


def measure_first_errors(traces: Sequence[JudgedTrace], threshold: float = THRESHOLD) -> FirstErrorFigures:
    """ProcessBench's F1 of a judge."""
    rows = [_count(trace, threshold) for trace in traces]
    sums = sum_groups([trace.group for trace in traces], rows, 4)
    errors, _, correct, _ = sums.sum(axis=0)
    return FirstErrorFigures(
        f1=bootstrap(sums, f1_of_sums),
        on_errors=bootstrap(sums, lambda drawn: divide(drawn[:, 1], drawn[:, 0])),
        on_correct=bootstrap(sums, lambda drawn: divide(drawn[:, 3], drawn[:, 2])),
        num_errors=int(errors),
        num_correct=int(correct),
        num_unread=sum(_is_unread(trace) for trace in traces),
        by_group=tuple(map(tuple, sums.tolist())),
    )


def compare_f1(after: Sequence[Sequence[float]], before: Sequence[Sequence[float]]) -> Estimate:
    """F1 of one judge − that of another on the same traces, paired: both are `by_group` of the same groups."""
    sums = np.hstack([np.asarray(after, dtype=np.float64), np.asarray(before, dtype=np.float64)])
    return bootstrap(sums, lambda drawn: f1_of_sums(drawn[:, :4]) - f1_of_sums(drawn[:, 4:]))


def pick_threshold(traces: Sequence[JudgedTrace], choices: int = 99) -> float:
    """The threshold with the best F1 on these traces, as ProcessBench picks a PRM's on a part of its own.

    Never on the traces that are then measured. The plain 0.5 where no threshold can be told apart.
    """
    best, found = -1.0, THRESHOLD
    for threshold in sorted(np.linspace(0.01, 0.99, choices).tolist(), key=lambda t: abs(t - THRESHOLD)):
        sums = np.array([_count(trace, threshold) for trace in traces]).reshape(-1, 4).sum(axis=0)
        f1 = float(f1_of_sums(sums[None])[0])
        if f1 > best + 1e-12:
            best, found = f1, threshold
    return found


def f1_of_sums(sums: Floats) -> Floats:
    """(B, 4) sums of erroneous traces, hits on them, correct traces, hits on them, to (B,) F1."""
    on_errors, on_correct = divide(sums[:, 1], sums[:, 0]), divide(sums[:, 3], sums[:, 2])
    both = on_errors + on_correct
    return np.where(both == 0.0, 0.0, divide(2.0 * on_errors * on_correct, both))


def _count(trace: JudgedTrace, threshold: float) -> tuple[float, float, float, float]:
    is_found = find_first_error(trace.scores, threshold) == trace.first_error
    is_hit = float(is_found and not _is_unread(trace))
    return (0.0, 0.0, 1.0, is_hit) if trace.first_error == NO_ERROR else (1.0, is_hit, 0.0, 0.0)


def _is_unread(trace: JudgedTrace) -> bool:
    return all(score is None for score in trace.scores)
