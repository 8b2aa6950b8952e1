"""What more labels would buy: how label error and interval width fall with the number of human-rated traces.

By subsampling what is there. Some rated traces are held out; of the others a growing part keeps its ratings; the merge
runs on those and says of the held-out traces, without their ratings, what it would say of traces nobody rated. The
mean squared difference from what people said of them (steps stand before the first error and not after) is the label
error. The interval is that of the share of traces with an error over the whole project (prediction_powered.py). A power
law a + b·n^(−c) through the means reaches beyond what is there (Cortes, Jackel, Solla, Vapnik & Denker 1993, "Learning
curves: asymptotic values and rate of convergence"); its band comes from drawing the repeats anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from annotation.measuring.prediction_powered import estimate_mean
from annotation.measuring.resampling import Floats
from annotation.measuring.truth import PeoplesWord
from annotation.merging.data import MergeInput, MergePolicy, MergeResult
from annotation.merging.merge import merge

MIN_RATED_TRACES = 30
MOST_TRACES = 2000
"""Of more rated traces, so many at random: a merge of all for each repeat would take hours."""
NUM_REPEATS = 12
SHARES = (0.15, 0.3, 0.5, 0.75, 1.0)
HELD_OUT = 0.25
AHEAD = (1.5, 2.0, 3.0, 4.0)
_RATES = np.linspace(0.25, 1.5, 26)
_SEED = 20260301

Repeats = npt.NDArray[np.float64]
"""(sizes, repeats)"""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """At `num_traces` human-rated traces: the mean over repeats, and the middle 95 % of its resampled means."""

    num_traces: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """`seen` by subsampling; `ahead` by the power law, from all that is there on. `now`: the law at what is there."""

    seen: tuple[CurvePoint, ...]
    now: CurvePoint
    ahead: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class LabelValue:
    """`label_error` and `interval_width` are None where there is too little. `num_rated`: human-rated traces there
    are; `num_used` of them were drawn from; `num_calibrated` of the merges on all of these had a calibrated judge."""

    num_rated: int
    num_used: int
    num_held_out: int
    num_repeats: int
    num_calibrated: int
    label_error: Curve | None
    interval_width: Curve | None


Predictions = Mapping[int, float]
"""What judges make of whole traces: the probability of an error, for each trace that they scored."""


def measure_label_value(
    data: MergeInput,
    words: Mapping[int, PeoplesWord],
    predictions: Predictions,
    *,
    num_repeats: int = NUM_REPEATS,
    run_merge: Callable[[MergeInput, MergePolicy], MergeResult] = merge,
) -> LabelValue:
    """data: the project's merge input with blind ratings only; words: people's word on every human-rated trace."""
    source = np.random.default_rng(_SEED)
    rated = np.array(sorted(words), dtype=np.int64)
    used = np.sort(source.permutation(rated)[:MOST_TRACES])
    num_held_out = round(len(used) * HELD_OUT)
    nothing = LabelValue(len(rated), len(used), num_held_out, num_repeats, 0, None, None)
    if len(used) < MIN_RATED_TRACES:
        return nothing
    bench = _Bench(_keep_traces(data, used), words, predictions, run_merge)
    sizes = [max(2, round(share * (len(used) - num_held_out))) for share in SHARES]
    errors, widths = np.zeros((len(sizes), num_repeats)), np.full((len(sizes), num_repeats), np.nan)
    for repeat in range(num_repeats):
        shuffled = source.permutation(used)
        held_out, rest = shuffled[:num_held_out], shuffled[num_held_out:]
        for place, size in enumerate(sizes):
            errors[place, repeat] = bench.measure_error(rest[:size], held_out)
            widths[place, repeat] = bench.measure_width(rest[:size])
    return replace(
        nothing,
        num_calibrated=bench.num_calibrated_by_size.get(sizes[-1], 0),
        label_error=_draw_curve(sizes, errors, len(rated), source),
        interval_width=_draw_curve(sizes, widths, len(rated), source),
    )


class _Bench:
    """Merges with some of the ratings left out, and measures what comes of it."""

    def __init__(
        self,
        data: MergeInput,
        words: Mapping[int, PeoplesWord],
        predictions: Predictions,
        run_merge: Callable[[MergeInput, MergePolicy], MergeResult],
    ) -> None:
        self.data, self.words, self.predictions, self.run_merge = data, words, predictions, run_merge
        self.num_calibrated_by_size: dict[int, int] = {}

    def measure_error(self, kept: npt.NDArray[np.int64], held_out: npt.NDArray[np.int64]) -> float:
        """Mean squared difference between posterior and people on held-out steps; where no judge is calibrated the
        posterior is the base rate of the kept traces, which is all that is known of an unrated one then."""
        names = {str(trace) for trace in kept.tolist()}
        traces = [row if row.trace_id in names else replace(row, gold=None) for row in self.data.traces]
        ratings = [row for row in self.data.ratings if row.trace_id in names]
        result = self.run_merge(
            MergeInput(traces=traces, ratings=ratings, judges=self.data.judges), MergePolicy()
        )
        is_calibrated = any(report.is_calibrated for report in result.diagnostics.calibrations)
        self.num_calibrated_by_size[len(kept)] = self.num_calibrated_by_size.get(len(kept), 0) + is_calibrated
        base = self._base_rate(kept.tolist())
        posteriors = {int(row.trace_id): row.posterior for row in result.traces}
        squares = [
            ((posteriors[trace][step] if posteriors[trace] else base) - stands) ** 2
            for trace in held_out.tolist()
            for step, stands in enumerate(self._labels_of(trace))
        ]
        return float(np.mean(squares)) if squares else float("nan")

    def measure_width(self, kept: npt.NDArray[np.int64]) -> float:
        """Width of the 95 % interval of the share of traces with an error."""
        known = [
            trace
            for trace in kept.tolist()
            if trace in self.predictions and self._has_error(trace) is not None
        ]
        mean = estimate_mean(
            [float(bool(self._has_error(trace))) for trace in known],
            [self.predictions[trace] for trace in known],
            list(self.predictions.values()),
        )
        return mean.high - mean.low if mean else float("nan")

    def _labels_of(self, trace: int) -> list[bool]:
        """Whether each step stands, those after the first error not, as the merge means it; empty where people are
        split on its place."""
        word = self.words[trace]
        if word.first_error is None:
            return []
        return [word.first_error < 0 or step < word.first_error for step in range(len(word.stands))]

    def _has_error(self, trace: int) -> bool | None:
        place = self.words[trace].first_error
        return None if place is None else place >= 0

    def _base_rate(self, kept: Sequence[int]) -> float:
        said = [stands for trace in kept for stands in self._labels_of(trace)]
        return (sum(said) + 1.0) / (len(said) + 2.0)


def _keep_traces(data: MergeInput, used: npt.NDArray[np.int64]) -> MergeInput:
    """Without traces nobody rated: they change no fit, and would be merged again for each repeat."""
    names = {str(trace) for trace in used.tolist()}
    return MergeInput(
        traces=[row for row in data.traces if row.trace_id in names],
        ratings=[row for row in data.ratings if row.trace_id in names],
        judges=[row for row in data.judges if row.trace_id in names],
    )


def _draw_curve(
    sizes: Sequence[int], found: Repeats, num_now: int, source: np.random.Generator
) -> Curve | None:
    """The means over repeats, and the law through them; None where fewer than three sizes said anything."""
    known = np.isfinite(found).all(axis=1)
    if known.sum() < 3:
        return None
    n, values = np.array(sizes, dtype=np.float64)[known], found[known]
    picks = source.integers(values.shape[1], size=(200, values.shape[1]))
    resampled = [values[:, pick].mean(axis=1) for pick in picks]
    edges = np.quantile(np.array(resampled), [0.025, 0.975], axis=0)
    targets = np.array([num_now, *(num_now * times for times in AHEAD)], dtype=np.float64)
    law = fit_power_law(n, values.mean(axis=1))(targets)
    band = np.quantile(
        np.array([fit_power_law(n, means)(targets) for means in resampled]), [0.025, 0.975], axis=0
    )
    points = [
        CurvePoint(round(at), float(value), float(min(low, value)), float(max(high, value)))
        for at, value, low, high in zip(targets, law, band[0], band[1], strict=True)
    ]
    seen = [
        CurvePoint(round(at), float(value), float(low), float(high))
        for at, value, low, high in zip(n, values.mean(axis=1), edges[0], edges[1], strict=True)
    ]
    return Curve(tuple(seen), points[0], tuple(points[1:]))


def fit_power_law(n: Floats, values: Floats) -> Callable[[Floats], Floats]:
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
