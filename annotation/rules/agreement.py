"""How far raters agree on whole traces: share agreed, Gwet's AC1, first error, and the prevalence beside them.

Every function takes T traces, each a sequence of what its raters said, with None for a rater who did not rate
it; the order of raters does not matter. Traces with fewer than two raters say nothing about agreement.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from annotation.rules.rating import Labels, first_error

Number = TypeVar("Number", float, npt.NDArray[np.float64])

Verdicts = Sequence[Sequence[bool | None]]
Ratings = Sequence[Sequence[Labels | None]]


def share_agreed(said: Sequence[Sequence[Hashable | None]]) -> float | None:
    """The mean over traces of the share of rater pairs that said the same, 0..1; None where no trace has two raters."""
    shares = [pair_share(present) for present in map(_present, said) if len(present) >= 2]
    return sum(shares) / len(shares) if shares else None


def gwet_ac1(verdicts: Verdicts) -> float | None:
    """Gwet's AC1 for a yes/no verdict, two or more raters, some missing; at most 1; None where no trace has two raters.

    AC1 = (p_a − p_e) / (1 − p_e) with p_a as in `share_agreed` and p_e = 2π(1 − π), π the prevalence. Unlike
    kappa it stays meaningful where nearly all verdicts are the same. Gwet 2008, "Computing inter-rater
    reliability and its variance in the presence of high agreement", British Journal of Mathematical and
    Statistical Psychology 61(1), 29–48.
    """
    agreed = share_agreed(verdicts)
    errors = prevalence(verdicts)
    if agreed is None or errors is None:
        return None
    return correct_for_chance(agreed, errors)


def correct_for_chance(agreed: Number, errors: Number) -> Number:
    """AC1 from the share agreed and the prevalence, numbers or arrays of them."""
    by_chance = 2.0 * errors * (1.0 - errors)  # at most one half, so the division is safe
    return (agreed - by_chance) / (1.0 - by_chance)


def prevalence(verdicts: Verdicts) -> float | None:
    """The mean over rated traces of the share of raters who found an error, 0..1; None where nothing is rated."""
    shares = [sum(map(bool, present)) / len(present) for present in map(_present, verdicts) if present]
    return sum(shares) / len(shares) if shares else None


def first_error_agreement(ratings: Ratings) -> float | None:
    """As `share_agreed`, on the exact step of the first error, where "no error" is an answer like any other."""
    # Wrapped in tuples, since a bare None would mean that the rater did not rate the trace.
    return share_agreed(
        [[None if labels is None else (first_error(labels),) for labels in of_trace] for of_trace in ratings]
    )


def _present(said: Sequence[Hashable | None]) -> list[Hashable]:
    return [one for one in said if one is not None]


def pair_share(said: Sequence[Hashable]) -> float:
    """The share of ordered pairs of different raters who said the same; needs two raters."""
    num = len(said)
    return sum(times * (times - 1) for times in Counter(said).values()) / (num * (num - 1))
