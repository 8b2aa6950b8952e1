"""Models of leaving a state at a step: the hazard R to E, and the recovery E or A to R.

A model is either one constant, or a ridge logistic regression that was fitted once without each fold of prompts and
once on everything, so that no trace's own ratings ever reach it through the hazard.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from annotation.merging.chain import Floats, Ints
from annotation.merging.data import TransitionModel
from annotation.merging.logistic import fit_logistic

FLOOR = 1e-6
"""Probabilities stay this far from 0 and 1, so that no evidence is ever impossible."""
SMALLEST_SCALE = 1e-9
NO_WEIGHT = 1e-9
"""Steps at risk less than this (after an error that everybody saw) are left out of fits."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Means and standard deviations of features, (F,), over the steps at risk; `varies` marks those worth fitting."""

    means: Floats
    scales: Floats
    varies: Ints


def constant_model(probability: float) -> TransitionModel:
    """A model that says the same at every step."""
    return TransitionModel((), (), (), (), (float(logit(probability)),), ((),))


def standardise_over(features: Floats, weights: Floats) -> Standard:
    """Weighted mean and deviation of each column over its known values; a constant column is left out of fits."""
    known = ~np.isnan(features)
    values = np.where(known, features, 0.0)
    mass = np.maximum(weights @ known, 1e-300)
    means = (weights @ values) / mass
    variance = (weights @ (np.where(known, features - means, 0.0) ** 2)) / mass
    scales = np.sqrt(variance)
    varies = scales > SMALLEST_SCALE
    return Standard(means, np.where(varies, scales, 1.0), np.flatnonzero(varies))


def scale_features(features: Floats, means: Floats, scales: Floats) -> Floats:
    """Standardised features; what is not known sits at the mean, 0."""
    scaled = (features - means) / scales
    return np.where(np.isnan(scaled), 0.0, scaled)


def fit_transition(
    names: tuple[tuple[str, ...], tuple[str, ...]],
    standard: Standard,
    scaled: Floats,
    weights: tuple[Floats, Floats],
    folds: Ints,
    start: TransitionModel | None = None,
) -> TransitionModel:
    """Fit on everything and without each fold. `names`: judges, features. `weights`: expected events and others, (N,).

    `scaled` (N, F) holds standardised features, `folds` (N,) the fold of each row (all -1: fit on everything only).
    """
    judges, features = names
    events, others = weights
    num_folds = int(folds.max()) + 1
    counts = np.flatnonzero(events + others > NO_WEIGHT)
    columns = np.asfortranarray(scaled[np.ix_(counts, standard.varies)])
    events, others = events[counts], others[counts]
    everything = fit_logistic(columns, events, others, _warm(start, -1, standard.varies))
    answers = []
    for fold in range(num_folds):
        kept = (folds[counts] != fold).astype(np.float64)
        warm = everything if start is None else _warm(start, fold, standard.varies)
        answers.append(fit_logistic(columns, events * kept, others * kept, warm))
    answers.append(everything)
    coefficients = np.zeros((num_folds + 1, scaled.shape[1]))
    coefficients[:, standard.varies] = [answer[:-1] for answer in answers]
    return TransitionModel(
        judges=judges,
        features=features,
        means=tuple(standard.means.tolist()),
        scales=tuple(standard.scales.tolist()),
        intercepts=tuple(float(answer[-1]) for answer in answers),
        coefficients=tuple(tuple(row) for row in coefficients.tolist()),
    )


def predict_transition(model: TransitionModel, scaled: Floats, folds: Ints) -> Floats:
    """P(leave the state) at each row, (N,). `folds`: the fold to leave out, -1 = none."""
    if not model.features:
        return np.full(len(folds), np.clip(expit(model.intercepts[-1]), FLOOR, 1.0 - FLOOR))
    intercepts, coefficients = np.array(model.intercepts), np.array(model.coefficients)
    answers = scaled @ coefficients.T + intercepts
    chosen = np.take_along_axis(answers, folds[:, None] % len(intercepts), axis=1)[:, 0]
    return np.asarray(np.clip(expit(chosen), FLOOR, 1.0 - FLOOR))


def _warm(start: TransitionModel | None, fold: int, varies: Ints) -> Floats | None:
    if start is None or not start.features:
        return None
    return np.append(np.array(start.coefficients[fold])[varies], start.intercepts[fold])
