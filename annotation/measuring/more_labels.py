"""What more labels would buy: how label error and interval width fall with the number of human-rated traces.

By subsampling what is there. Some rated traces are held out; of the others a growing part keeps its ratings; the merge
runs on those and says of the held-out traces, without their ratings, what it would say of traces nobody rated. The
mean squared difference from what people said of them (steps stand before the first error and not after) is the label
error. The interval is the agreement page's own, of the share of traces with an error over the whole project
(errors_everywhere.py): weighted by 1/(probability of being drawn), without gold. Laws reach beyond what is there
(curves.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from annotation.measuring.curves import AHEAD, Curve, draw_curve, fit_power_law, fit_root_law
from annotation.measuring.errors_everywhere import RatedErrors
from annotation.measuring.resampling import MIN_TRACES
from annotation.measuring.truth import PeoplesWord
from annotation.merging.data import MergeInput, MergePolicy, MergeResult
from annotation.merging.merge import merge

MIN_RATED_TRACES = 30
MOST_TRACES = 2000
"""Of more rated traces, so many at random: a merge of all for each repeat would take hours."""
NUM_REPEATS = 12
SHARES = (0.15, 0.3, 0.5, 0.75, 1.0)
HELD_OUT = 0.25
_SEED = 20260301


@dataclass(frozen=True, slots=True)
class LabelValue:
    """`label_error` and `interval_width` are None where there is too little. `num_rated`: human-rated traces there
    are; `num_used` of them were drawn from; `num_calibrated` of the merges on all of these had a calibrated judge.
    `num_weighed`: those that the interval rests on, drawn with a known probability, rated blind and scored;
    `num_scored`: all that judges scored, rated or not."""

    num_rated: int
    num_used: int
    num_held_out: int
    num_repeats: int
    num_calibrated: int
    num_weighed: int
    num_scored: int
    label_error: Curve | None
    interval_width: Curve | None


def measure_label_value(
    data: MergeInput,
    words: Mapping[int, PeoplesWord],
    errors: RatedErrors,
    *,
    num_repeats: int = NUM_REPEATS,
    run_merge: Callable[[MergeInput, MergePolicy], MergeResult] = merge,
) -> LabelValue:
    """data: the project's merge input with blind ratings only; words: people's word on every human-rated trace;
    errors: what the interval of the share of traces with an error rests on."""
    source = np.random.default_rng(_SEED)
    rated = np.array(sorted(words), dtype=np.int64)
    used = np.sort(source.permutation(rated)[:MOST_TRACES])
    num_held_out = round(len(used) * HELD_OUT)
    nothing = LabelValue(
        num_rated=len(rated),
        num_used=len(used),
        num_held_out=num_held_out,
        num_repeats=num_repeats,
        num_calibrated=0,
        num_weighed=len(errors.shares),
        num_scored=len(errors.predictions),
        label_error=None,
        interval_width=None,
    )
    if len(used) < MIN_RATED_TRACES:
        return nothing
    further = [round(len(rated) * times) - len(rated) for times in AHEAD]
    bench = _Bench(_keep_traces(data, used), words, run_merge)
    sizes = [max(2, round(share * (len(used) - num_held_out))) for share in SHARES]
    found = np.zeros((len(sizes), num_repeats))
    for repeat in range(num_repeats):
        shuffled = source.permutation(used)
        held_out, rest = shuffled[:num_held_out], shuffled[num_held_out:]
        for place, size in enumerate(sizes):
            found[place, repeat] = bench.measure_error(rest[:size], held_out)
    return replace(
        nothing,
        num_calibrated=bench.num_calibrated_by_size.get(sizes[-1], 0),
        label_error=draw_curve(
            sizes,
            found,
            fit_power_law,
            source,
            num_now=len(rated),
            further=further,
            fitted_from=bench.find_calibrated_from(sizes, num_repeats),
        ),
        interval_width=_measure_widths(errors, num_repeats, source, further),
    )


def _measure_widths(
    errors: RatedErrors, num_repeats: int, source: np.random.Generator, further: Sequence[int]
) -> Curve | None:
    """The width of the published interval with a growing part of the traces it rests on, up to all of them."""
    traces = np.array(sorted(errors.shares), dtype=np.int64)
    sizes = sorted({round(share * len(traces)) for share in SHARES})
    sizes = [size for size in sizes if size >= MIN_TRACES]
    if not sizes:
        return None
    found = np.full((len(sizes), num_repeats), np.nan)
    for repeat in range(num_repeats):
        shuffled = source.permutation(traces)
        for place, size in enumerate(sizes):
            mean = errors.estimate(np.sort(shuffled[:size]).tolist())
            found[place, repeat] = mean.high - mean.low if mean else np.nan
    return draw_curve(sizes, found, fit_root_law, source, num_now=len(traces), further=further)


class _Bench:
    """Merges with some of the ratings left out, and measures what comes of it."""

    def __init__(
        self,
        data: MergeInput,
        words: Mapping[int, PeoplesWord],
        run_merge: Callable[[MergeInput, MergePolicy], MergeResult],
    ) -> None:
        self.data, self.words, self.run_merge = data, words, run_merge
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

    def find_calibrated_from(self, sizes: Sequence[int], num_repeats: int) -> int:
        """The size from which on half of the merges have a calibrated judge, where those of the largest do; else the
        smallest. Below it the error is the base rate's, and no law through both would be true of either."""
        is_known = [2 * self.num_calibrated_by_size.get(size, 0) >= num_repeats for size in sizes]
        if not is_known[-1]:
            return sizes[0]
        return next(size for place, size in enumerate(sizes) if all(is_known[place:]))

    def _labels_of(self, trace: int) -> list[bool]:
        """Whether each step stands, those after the first error not, as the merge means it; empty where people are
        split on its place."""
        word = self.words[trace]
        if word.first_error is None:
            return []
        return [word.first_error < 0 or step < word.first_error for step in range(len(word.stands))]

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
