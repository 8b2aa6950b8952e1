"""A judge against people: is it calibrated, does it rank errors below sound steps, does it find the first error?

People's word is gold or the majority of blind raters (truth.py), so a judge is never held against raters who saw it.
Steps count up to the first error; intervals by bootstrap over traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotation.measuring.first_errors import FirstErrorScore, score_first_errors
from annotation.measuring.judged_steps import JudgedSteps
from annotation.measuring.resampling import Estimate, divide, estimate
from annotation.measuring.rows import Scores, TraceFacts, name_length
from annotation.measuring.truth import PeoplesWord

NUM_BINS = 10
MIN_STEPS_IN_BIN = 5


@dataclass(frozen=True, slots=True)
class Bin:
    """Steps that got from `low` to `high`, `promised` on average; the share `stands` of them does."""

    low: float
    high: float
    promised: float
    stands: Estimate
    num_steps: int


@dataclass(frozen=True, slots=True)
class Quality:
    """One judge on some traces. `prevalence`: the share of steps that people call an error; `promised`: the judge's
    mean probability that a step is correct. `brier`: mean squared error of its probabilities; `base_brier`: of always
    saying the base rate. `auc`: the probability that it gives an error less than a sound step."""

    num_traces: int
    num_steps: int
    num_errors: int
    prevalence: Estimate
    promised: float | None
    auc: Estimate
    brier: Estimate
    base_brier: float | None
    first_errors: FirstErrorScore


@dataclass(frozen=True, slots=True)
class QualityGroup:
    name: str
    quality: Quality


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """Everything about one judge version. `roc`: (false alarms, errors found) from (0, 0) to (1, 1)."""

    judge: int
    num_scored: int
    num_gold: int
    overall: Quality
    bins: tuple[Bin, ...]
    roc: tuple[tuple[float, float], ...]
    by_model: tuple[QualityGroup, ...]
    by_length: tuple[QualityGroup, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """One trace with the judge's probabilities and people's word."""

    facts: TraceFacts
    probabilities: tuple[float | None, ...]
    word: PeoplesWord


def measure_judge(
    judge: int,
    scores: Sequence[Scores],
    facts: Mapping[int, TraceFacts],
    words: Mapping[int, PeoplesWord],
) -> JudgeQuality:
    """One judge version against people. Models with the most traces come first, lengths from short to long.

    scores: its own; words: people's word on each trace that has one.
    """
    cases = [
        _Case(facts[one.trace], one.probabilities, words[one.trace])
        for one in sorted(scores, key=lambda one: one.trace)
        if one.trace in words
    ]
    steps = JudgedSteps([(case.probabilities, case.word.stands) for case in cases])
    return JudgeQuality(
        judge=judge,
        num_scored=len(scores),
        num_gold=sum(case.facts.gold is not None for case in cases),
        overall=_measure(cases),
        bins=_measure_bins(steps),
        roc=steps.draw_roc(),
        by_model=tuple(
            sorted(
                _measure_groups(cases, lambda case: case.facts.model),
                key=lambda group: (-group.quality.num_traces, group.name),
            )
        ),
        by_length=_measure_groups(
            sorted(cases, key=lambda case: case.facts.num_steps),
            lambda case: name_length(case.facts.num_steps),
        ),
    )


def _measure(cases: Sequence[_Case]) -> Quality:
    steps = JudgedSteps([(case.probabilities, case.word.stands) for case in cases])
    num_steps, num_errors = len(steps.p), int((~steps.stands).sum())
    base = num_errors / num_steps if num_steps else None
    columns = [(steps.p - steps.stands) ** 2, np.ones(num_steps), (~steps.stands).astype(np.float64)]
    sums = steps.sum_by_trace(columns) if num_steps else np.zeros((0, 3))
    return Quality(
        num_traces=len(sums),
        num_steps=num_steps,
        num_errors=num_errors,
        prevalence=estimate(
            sums,
            lambda drawn: divide(drawn[:, 2], drawn[:, 1]),
            is_share=True,
        ),
        promised=float(steps.p.mean()) if num_steps else None,
        auc=steps.measure_auc(),
        brier=estimate(sums, lambda drawn: divide(drawn[:, 0], drawn[:, 1])),
        base_brier=None if base is None else base * (1.0 - base),
        first_errors=score_first_errors([(case.probabilities, case.word.first_error) for case in cases]),
    )


def _measure_bins(steps: JudgedSteps) -> tuple[Bin, ...]:
    """Ten bins of equal width; those with fewer than five steps are left out."""
    if not len(steps.p):
        return ()
    bin_of = np.minimum((steps.p * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    bins = []
    for number in range(NUM_BINS):
        inside: npt.NDArray[np.bool_] = bin_of == number
        if inside.sum() < MIN_STEPS_IN_BIN:
            continue
        sums = steps.sum_by_trace([(inside & steps.stands).astype(float), inside.astype(float)])
        stands = estimate(
            sums,
            lambda drawn: divide(drawn[:, 0], drawn[:, 1]),
            is_share=True,
            counts=sums[:, 1] > 0,
        )
        if stands.value is not None:
            low, high = number / NUM_BINS, (number + 1) / NUM_BINS
            bins.append(Bin(low, high, float(steps.p[inside].mean()), stands, int(inside.sum())))
    return tuple(bins)


def _measure_groups(cases: Sequence[_Case], name_of: Callable[[_Case], str]) -> tuple[QualityGroup, ...]:
    grouped: dict[str, list[_Case]] = {}
    for case in cases:
        grouped.setdefault(name_of(case), []).append(case)
    return tuple(QualityGroup(name, _measure(of_name)) for name, of_name in grouped.items())
