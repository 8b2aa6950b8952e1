"""Small projects for the merge's tests: simulated ones, and rows written by hand."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from annotation.merging.data import JudgeRow, MergedTrace, MergeInput, MergeResult, RatingRow, TraceRow
from benchmarks.merge_simulator import Setting, Simulation, simulate

USUAL = Setting(num_traces=400, rated_share=0.5)


@cache
def simulated(seed: int = 0, setting: Setting = USUAL) -> Simulation:
    """A simulated project; drawn once a test run, as drawing takes longer than merging."""
    return simulate(setting, seed)


def trace(name: str, *, steps: int = 3, prompt: str = "p", gold: tuple[int, ...] | None = None) -> TraceRow:
    """A trace without a verdict."""
    return TraceRow(name, prompt, steps, None, gold)


def rating(name: str, rater: str, *labels: int | None, assisted: bool = False) -> RatingRow:
    """A blind rating unless told otherwise."""
    return RatingRow(name, rater, labels, assisted)


def noise_judge(data: MergeInput, seed: int = 9, judge: str = "noise@1") -> list[JudgeRow]:
    """A judge that says anything at all about every trace."""
    random = np.random.default_rng(seed)
    return [
        JudgeRow(row.trace_id, judge, tuple(random.random(row.num_steps).tolist())) for row in data.traces
    ]


def constant_judge(data: MergeInput, p: float = 0.7) -> list[JudgeRow]:
    """A judge that says the same of every step."""
    return [JudgeRow(row.trace_id, "constant@1", (p,) * row.num_steps) for row in data.traces]


def find(result: MergeResult, trace_id: str) -> MergedTrace:
    """One trace of a result."""
    return next(merged for merged in result.traces if merged.trace_id == trace_id)


def posteriors(result: MergeResult) -> list[float]:
    """All posteriors in order, for comparing two results."""
    return [p for merged in result.traces for p in merged.posterior]


def log_loss(result: MergeResult, world: Simulation) -> float:
    """Mean negative log-likelihood of the truth, nats a step; every trace needs a posterior."""
    p = np.clip(np.array(posteriors(result)), 1e-6, 1.0 - 1e-6)
    return float(-np.mean(np.where(world.stands, np.log(p), np.log1p(-p))))


def calibration_error(result: MergeResult, world: Simulation, bins: int = 10) -> float:
    """Expected calibration error over equal bins of the posterior."""
    p = np.array(posteriors(result))
    place = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [abs(float(np.sum(p[place == b] - world.stands[place == b]))) for b in range(bins)]
    return sum(gaps) / len(p)


def keep_ratings(data: MergeInput, ratings: Sequence[RatingRow]) -> MergeInput:
    """The same project with other ratings."""
    return MergeInput(data.traces, ratings, data.judges, data.comparisons)


def keep_judges(data: MergeInput, judges: Sequence[JudgeRow]) -> MergeInput:
    """The same project with other judges."""
    return MergeInput(data.traces, data.ratings, judges, data.comparisons)
