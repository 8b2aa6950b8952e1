"""Krippendorff's alpha from coincidences, in numpy, so that a thousand resamples cost one matrix product.

Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". alpha = 1 − D_o / D_e, both read from the matrix of
coincidences o, in which a unit with m ratings adds each of its ordered pairs with the weight 1/(m − 1). The package
`krippendorff` computes the same for one data set at a time; the tests hold this against it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from annotation.measuring.resampling import Floats, divide


def count_coincidences(units: Sequence[Sequence[int]], num_values: int) -> Floats:
    """The (V, V) coincidences of units, each a list of values 0..V−1; a unit with one rating adds nothing."""
    found = np.zeros((num_values, num_values))
    for unit in units:
        if len(unit) < 2:
            continue
        counts = np.bincount(unit, minlength=num_values).astype(np.float64)
        found += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    return found


def nominal_alpha(coincidences: Floats) -> Floats:
    """(…, V, V) to (…): every difference is as bad as any other. nan where all ratings are the same."""
    num_values = coincidences.shape[-1]
    return _alpha(coincidences, np.broadcast_to(1.0 - np.eye(num_values), coincidences.shape))


def ordinal_alpha(coincidences: Floats) -> Floats:
    """(…, V, V) to (…): a difference counts by how many ratings lie between. nan where all ratings are the same."""
    totals = coincidences.sum(axis=-1)
    cumulated = np.cumsum(totals, axis=-1)
    middle = cumulated - totals / 2.0  # the ratings below, and half of those at the value itself
    return _alpha(coincidences, (middle[..., :, None] - middle[..., None, :]) ** 2)


def agreement_on(coincidences: Floats, value: int) -> Floats:
    """(…, V, V) to (…): given that one rater said the value, the probability that another did."""
    return divide(coincidences[..., value, value], coincidences[..., value, :].sum(axis=-1))


def _alpha(coincidences: Floats, distances: Floats) -> Floats:
    totals = coincidences.sum(axis=-1)
    num_pairable = totals.sum(axis=-1)
    expected = totals[..., :, None] * totals[..., None, :]
    observed = (coincidences * distances).sum(axis=(-2, -1)) * (num_pairable - 1.0)
    by_chance = (expected * distances).sum(axis=(-2, -1))
    return np.asarray(1.0 - divide(observed, by_chance))
