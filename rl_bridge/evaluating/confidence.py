"""Whether probabilities mean what they say: calibration error, and how often the confident are wrong.

The expected calibration error is that of Guo et al. 2017, "On calibration of modern neural networks", equation 3, with
15 bins of equal width over [0, 1].
"""

import dataclasses
from collections.abc import Hashable, Sequence

import numpy as np

from rl_bridge.evaluating.intervals import Estimate, Floats, bootstrap, divide, sum_groups

NUM_BINS = 15
CONFIDENT = 0.9


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """Something said with a probability of being right, whether it was, and the group (the prompt) it belongs to."""

    probability: float
    is_right: bool
    group: Hashable


@dataclasses.dataclass(frozen=True, slots=True)
class Bin:
    """Claims of like probability: how many, their mean probability, and the share of them that was right."""

    num_claims: int
    mean_probability: float
    share_right: float


@dataclasses.dataclass(frozen=True, slots=True)
class ConfidenceFigures:
    """`ece` in [0, 1]. `overconfidence`: mean probability − share right. `confident_wrong`: of the claims with a
    probability of at least 0.9, the share that was wrong; `num_confident` is how many those were."""

    ece: Estimate
    overconfidence: Estimate
    confident_wrong: Estimate
    num_confident: int
    num_claims: int
    bins: tuple[Bin, ...]


def measure_confidence(claims: Sequence[Claim]) -> ConfidenceFigures:
    """Calibration of N claims, with intervals over groups."""
    rows = [_count(claim) for claim in claims]
    sums = sum_groups([claim.group for claim in claims], rows, 3 * NUM_BINS + 2)
    return ConfidenceFigures(
        ece=bootstrap(sums, _ece),
        overconfidence=bootstrap(sums, _overconfidence),
        confident_wrong=bootstrap(sums, lambda drawn: divide(drawn[:, -1], drawn[:, -2])),
        num_confident=int(sums[:, -2].sum()),
        num_claims=len(claims),
        bins=_list_bins(sums.sum(axis=0)),
    )


def _count(claim: Claim) -> list[float]:
    """What a claim adds: number, probability and rightness in its bin, then whether it is confident, and wrongly so."""
    row = [0.0] * (3 * NUM_BINS + 2)
    place = min(int(claim.probability * NUM_BINS), NUM_BINS - 1)
    row[place] = 1.0
    row[NUM_BINS + place] = claim.probability
    row[2 * NUM_BINS + place] = float(claim.is_right)
    row[-2] = float(claim.probability >= CONFIDENT)
    row[-1] = float(claim.probability >= CONFIDENT and not claim.is_right)
    return row


def _split(sums: Floats) -> tuple[Floats, Floats, Floats]:
    return sums[:, :NUM_BINS], sums[:, NUM_BINS : 2 * NUM_BINS], sums[:, 2 * NUM_BINS : 3 * NUM_BINS]


def _ece(sums: Floats) -> Floats:
    """Σ over bins of their share × |share right − mean probability|; in sums the share cancels out."""
    counts, probabilities, rights = _split(sums)
    return divide(np.abs(rights - probabilities).sum(axis=1), counts.sum(axis=1))


def _overconfidence(sums: Floats) -> Floats:
    counts, probabilities, rights = _split(sums)
    return divide((probabilities - rights).sum(axis=1), counts.sum(axis=1))


def _list_bins(sums: Floats) -> tuple[Bin, ...]:
    counts, probabilities, rights = (part[0] for part in _split(sums[None]))
    return tuple(
        Bin(int(count), float(probability / count), float(right / count))
        for count, probability, right in zip(counts, probabilities, rights, strict=True)
        if count
    )
