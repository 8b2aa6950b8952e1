"""Bootstrap over traces: a trace is drawn with all that was said of it, since its steps and raters go together.

Efron 1979, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1); percentile intervals. A
measure is a function of sums over traces, so that a resample is a row of weights and a thousand of them one product
of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats], Floats]
"""(B, K) sums over traces to (B,) values; nan where the sums say nothing."""

NUM_RESAMPLES = 1000
MIN_TRACES = 10
"""With fewer traces a bootstrap's interval is too narrow to be shown, and so is nothing."""
_CELLS_AT_ONCE = 4_000_000
_LEAST_SHARE_KNOWN = 0.9
_SEED = 20260301


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval and the number of traces it rests on. None: too little to say."""

    value: float | None
    low: float | None
    high: float | None
    num_traces: int


NOTHING = Estimate(None, None, None, 0)


def draw_weights(num_traces: int, num_resamples: int = NUM_RESAMPLES) -> Iterator[Floats]:
    """How often each trace is drawn in each resample, in chunks of (b, T); the same every time."""
    source = np.random.default_rng(_SEED)
    at_once = max(1, _CELLS_AT_ONCE // max(num_traces, 1))
    for start in range(0, num_resamples, at_once):
        size = min(at_once, num_resamples - start)
        picked = source.integers(num_traces, size=(size, num_traces))
        cells = (picked + np.arange(size)[:, None] * num_traces).ravel()
        yield np.bincount(cells, minlength=size * num_traces).reshape(size, num_traces).astype(np.float64)


def estimate(
    sums: Floats,
    measure: Measure,
    *,
    is_share: bool = False,
    counts: npt.NDArray[np.bool_] | None = None,
) -> Estimate:
    """The measure over all traces and its interval.

    sums: (T, K), what each trace adds. counts: (T,), which traces the measure rests on (all where None).
    is_share: the measure is a share, which has an exact interval where every trace says the same.
    """
    rows = sums if counts is None else sums[counts]
    num_traces = len(rows)
    if num_traces < MIN_TRACES:
        return Estimate(None, None, None, num_traces)
    value = float(measure(rows.sum(axis=0, keepdims=True))[0])
    drawn = np.concatenate([weights @ rows for weights in draw_weights(num_traces)])
    return summarise(value, measure(drawn), num_traces, is_share=is_share)


def summarise(value: float, resampled: Floats, num_traces: int, *, is_share: bool = False) -> Estimate:
    """A value with the middle 95 % of its resamples; without an interval where they can't tell one."""
    if not np.isfinite(value):
        return Estimate(None, None, None, num_traces)
    known = resampled[np.isfinite(resampled)]
    if len(known) < _LEAST_SHARE_KNOWN * len(resampled) or not len(known):
        return Estimate(value, None, None, num_traces)
    low, high = (float(edge) for edge in np.quantile(known, [0.025, 0.975]))
    if high - low < 1e-12:  # every resample says the same, which does not make it certain
        if not is_share or not (value < 1e-12 or value > 1 - 1e-12):
            return Estimate(value, None, None, num_traces)
        beyond = 1.0 - 0.025 ** (1.0 / num_traces)  # Clopper & Pearson 1934, at none or all
        low, high = (0.0, beyond) if value < 0.5 else (1.0 - beyond, 1.0)
    return Estimate(value, low, high, num_traces)


def divide(part: Floats, whole: Floats) -> Floats:
    """part / whole, nan where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
