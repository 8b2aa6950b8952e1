"""Curves over the number of human-rated traces: what was seen by subsampling, and a law that reaches beyond it.

Two laws. A power law a + b·n^(−c) for what is learned (Cortes, Jackel, Solla, Vapnik & Denker 1993, "Learning curves:
asymptotic values and rate of convergence"). A root law √(a + b/n) for the width of an interval, whose variance has a
part that falls with n and a part that does not. Their bands come from drawing the repeats anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from annotation.measuring.resampling import Floats

AHEAD = (1.5, 2.0, 3.0, 4.0)
_LEAST_SIZES = 3
_RATES = np.linspace(0.25, 1.5, 26)

Repeats = npt.NDArray[np.float64]
"""(sizes, repeats)"""
Law = Callable[[Floats], Floats]
Fit = Callable[[Floats, Floats], Law]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """At `num_traces` human-rated traces: the mean over repeats, and the middle 95 % of its resampled means."""

    num_traces: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """`seen` by subsampling; `ahead` by the law, from all that is there on. `now`: what it is with what is there. Where
    too few sizes carry a law nothing is `ahead`, and `now` has the value seen last."""

    seen: tuple[CurvePoint, ...]
    now: CurvePoint
    ahead: tuple[CurvePoint, ...]


def draw_curve(
    sizes: Sequence[int],
    found: Repeats,
    fit: Fit,
    source: np.random.Generator,
    *,
    num_now: int,
    further: Sequence[int],
    fitted_from: int = 0,
) -> Curve | None:
    """The means over repeats, and the law through them; None where fewer than three sizes said anything.

    num_now: the rated traces that are there; further: how many more to look ahead to; fitted_from: the size from which
    on the law goes through them. Where the largest size is all that is there, the law is scaled to what was measured
    with it.
    """
    known = np.isfinite(found).all(axis=1)
    if known.sum() < _LEAST_SIZES:
        return None
    n, values = np.array(sizes, dtype=np.float64)[known], found[known]
    picks = source.integers(values.shape[1], size=(200, values.shape[1]))
    resampled = np.array([values[:, pick].mean(axis=1) for pick in picks])
    targets = np.array([num_now, *(num_now + more for more in further)], dtype=np.float64)

    seen = _place(n, values.mean(axis=1), resampled)
    is_fitted = n >= fitted_from
    if is_fitted.sum() < _LEAST_SIZES:
        return Curve(seen, replace(seen[-1], num_traces=num_now), ())

    def reach(means: Floats) -> Floats:
        reached = fit(n[is_fitted], means[is_fitted])(targets)
        is_measured = n[-1] == num_now and reached[0] > 0.0
        return reached * (means[-1] / reached[0]) if is_measured else reached

    ahead = _place(targets, reach(values.mean(axis=1)), np.array([reach(means) for means in resampled]))
    return Curve(seen, ahead[0], ahead[1:])


def _place(at: Floats, values: Floats, resampled: Floats) -> tuple[CurvePoint, ...]:
    edges = np.quantile(resampled, [0.025, 0.975], axis=0)
    return tuple(
        CurvePoint(round(n), float(value), float(min(low, value)), float(max(high, value)))
        for n, value, low, high in zip(at, values, edges[0], edges[1], strict=True)
    )


def fit_power_law(n: Floats, values: Floats) -> Law:
    """a + b·n^(−c) with a, b >= 0 by least squares: for each c of a grid the best a and b, then the best c."""
    best: tuple[float, Floats, float] | None = None
    for rate in _RATES:
        columns = np.stack([np.ones_like(n), n**-rate], axis=1)
        weights, distance = nnls(columns, values)
        if best is None or distance < best[0]:
            best = (float(distance), weights, float(rate))
    assert best is not None
    _, (floor, drop), rate = best[0], best[1], best[2]
    return lambda at: np.asarray(floor + drop * at**-rate)


def fit_root_law(n: Floats, values: Floats) -> Law:
    """√(a + b/n) with a, b >= 0 by least squares on the squares, each size counting for as much."""
    squares = values**2
    scale = 1.0 / np.maximum(squares, 1e-12)
    columns = np.stack([scale, scale / n], axis=1)
    (floor, drop), _ = nnls(columns, squares * scale)
    return lambda at: np.asarray(np.sqrt(floor + drop / at))
