"""Averages over all traces from those that people rated and what judges said of the rest: prediction-powered inference.

Angelopoulos, Duchi & Zrnic 2023, "PPI++: Efficient Prediction-Powered Inference" (arXiv:2311.01453): with labels Y and
predictions f on n rated traces and predictions on N traces, the mean is estimated by λ·mean(f over N) + mean(Y − λ·f
over n). λ in [0, 1] is chosen to make the variance least, so useless predictions cost nothing. Rated traces weigh
1/(probability of being selected), scaled to a mean of 1 (Horvitz & Thompson 1952). `ppi-python` computes the same; the
tests hold this against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.measuring.resampling import MIN_TRACES, Floats

_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class PoweredMean:
    """`value` with its 95 % interval; `trust` is λ: 0 leaves predictions out, 1 takes them as they are.

    `num_effective`: how many evenly selected traces the weighted ones are worth (Kish 1965).
    """

    value: float
    low: float
    high: float
    trust: float
    num_labelled: int
    num_predicted: int
    num_effective: float


def estimate_mean(
    labels: Sequence[float] | Floats,
    predictions: Sequence[float] | Floats,
    all_predictions: Sequence[float] | Floats,
    *,
    probabilities: Sequence[float] | Floats | None = None,
) -> PoweredMean | None:
    """The mean of a quantity over all traces.

    labels, predictions: (n,), of the rated traces; all_predictions: (N,); probabilities: (n,), of being selected,
    equal where None. None with fewer than 10 rated traces, or none to predict. Labels are shares, 0 to 1.
    """
    y, f, rest = (np.asarray(values, dtype=np.float64) for values in (labels, predictions, all_predictions))
    if len(y) < MIN_TRACES or not len(rest):
        return None
    weights = np.ones(len(y)) if probabilities is None else 1.0 / np.asarray(probabilities, dtype=np.float64)
    weights = weights / weights.mean()
    trust = _choose_trust(y, f, rest, weights)
    value = float(trust * rest.mean() + (weights * (y - trust * f)).mean())
    variance = (trust * rest).var() / len(rest) + (weights * (y - trust * f)).var() / len(y)
    half_width = _Z_95 * float(np.sqrt(variance))
    num_effective = float(weights.sum() ** 2 / (weights**2).sum())
    least_low, least_high = _reach_where_all_say_the_same(y, num_effective)
    return PoweredMean(
        value=value,
        low=min(value - half_width, least_low),
        high=max(value + half_width, least_high),
        trust=trust,
        num_labelled=len(y),
        num_predicted=len(rest),
        num_effective=num_effective,
    )


def _reach_where_all_say_the_same(y: Floats, num_effective: float) -> tuple[float, float]:
    """What the interval must reach down and up to: labels that are all 0, or all 1, have no variance, which does not
    make the mean certain (Clopper & Pearson 1934, with as many cases as the weighted ones are worth)."""
    beyond = 1.0 - 0.025 ** (1.0 / num_effective)
    if (y <= 0.0).all():
        return np.inf, beyond
    return (1.0 - beyond, -np.inf) if (y >= 1.0).all() else (np.inf, -np.inf)


def _choose_trust(y: Floats, f: Floats, rest: Floats, weights: Floats) -> float:
    """The λ of least variance, clipped to [0, 1] (PPI++, Example 1 with weights)."""
    start = rest.mean() + (weights * (y - f)).mean()
    of_labels, of_predictions, of_rest = weights * (y - start), weights * (f - start), rest - start
    together = float(((of_labels - of_labels.mean()) * (of_predictions - of_predictions.mean())).mean())
    spread = float(np.concatenate([of_predictions, of_rest]).var(ddof=1))
    if spread <= 0.0:
        return 0.0
    return float(np.clip(together / ((1.0 + len(y) / len(rest)) * spread), 0.0, 1.0))
