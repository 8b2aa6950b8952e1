"""How accurate a rater is on gold: traces whose step labels are known and that look like any other.

A rating of a gold trace is **right** where its first error is gold's first error, "no error" being an answer like any
other: it is judged as a whole trace, and what stands behind the first error doesn't matter. A bad problem is wrong,
since gold's prompts were worked through; a give-up is left out, since it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from annotation.rules.rating import Labels, first_error

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


@dataclass(frozen=True)
class GoldAccuracy:
    """`num_right` of `num_seen` gold traces; `rate` is their share, None where none was seen.

    `low` and `high` bound it with 95 % confidence: Wilson's interval (Wilson 1927, "Probable inference, the law of
    succession, and statistical inference", JASA 22, 209–212); 0 and 1 where none was seen.
    """

    num_right: int
    num_seen: int
    rate: float | None
    low: float
    high: float


def gold_accuracy(*, num_right: int, num_seen: int) -> GoldAccuracy:
    """The accuracy and its interval. Raises ValueError for counts that can't be."""
    if not 0 <= num_right <= num_seen:
        raise ValueError(f"{num_right} right of {num_seen} seen can't be.")
    if num_seen == 0:
        return GoldAccuracy(num_right=0, num_seen=0, rate=None, low=0.0, high=1.0)
    rate, low, high = share_of(num_right, num_seen)
    return GoldAccuracy(num_right=num_right, num_seen=num_seen, rate=rate, low=low, high=high)


def share_of(part: int, whole: int) -> tuple[float, float, float]:
    """part / whole with Wilson's 95 % interval; whole > 0."""
    rate = part / whole
    shrink = 1.0 + Z_95**2 / whole
    middle = (rate + Z_95**2 / (2 * whole)) / shrink
    half_width = Z_95 * sqrt(rate * (1.0 - rate) / whole + Z_95**2 / (4 * whole**2)) / shrink
    return rate, 0.0 if part == 0 else middle - half_width, 1.0 if part == whole else middle + half_width


def is_right(labels: Labels, stands: Sequence[bool]) -> bool:
    """Whether a rating's first error is gold's. labels: S labels; stands: S booleans, whether each step stands."""
    return first_error(labels) == gold_first_error(stands)


def gold_first_error(stands: Sequence[bool]) -> int | None:
    """The index of the first step that does not stand; None where all do."""
    return next((index for index, step_stands in enumerate(stands) if not step_stands), None)


def is_below(accuracy: GoldAccuracy, *, threshold: float | None, window: int) -> bool:
    """Whether this accuracy on a rater's latest gold is reason to pause them: below the threshold, on a full window."""
    if threshold is None or accuracy.rate is None or accuracy.num_seen < window:
        return False
    return accuracy.rate < threshold
