"""Which of two traces of one prompt is better, from their posteriors and from people's comparisons.

A trace's strength is s = logit(clip(p_trace, .01, .99)) + delta, delta ~ N(0, 1). Rater r prefers a to b with
probability sigma(beta * J_r * (s_a - s_b)), J_r = sensitivity + specificity - 1; a tie counts half each way; "both
bad" says nothing of which is better. delta is the most probable one, found with `scipy.optimize.minimize`; beta is
fitted along with it from 50 comparisons on (its logarithm with an N(0, 1) prior), else 1. Bradley & Terry 1952.

A pair is written where sigma(beta * (s_a - s_b)), what a faultless rater would say, reaches 0.8. Both traces need a
posterior, or people must have compared that very pair; a pair that was called "both bad" as often as not is left out,
and so are gold traces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from annotation.merging.chain import Floats, Ints
from annotation.merging.corpus import rank_id
from annotation.merging.data import ComparisonRow, MergedPreference, MergedTrace, Provenance

LOWEST_TRACE = 0.01
MIN_COMPARISONS_FOR_BETA = 50
MIN_P = 0.8
MAX_MARGIN = 3.0
WEAKEST_FIRST: tuple[Provenance, ...] = ("none", "ai", "hybrid", "human")


@dataclass(frozen=True, slots=True)
class Strengths:
    """Strength of each trace (T,), and the steepness they were fitted with."""

    strength: Floats
    beta: float
    is_beta_fitted: bool


@dataclass(frozen=True, slots=True)
class _Choices:
    """Comparisons that say which is better: traces `a`, `b` and the rater's `skill`; `share` (1, .5, 0) went to a."""

    a: Ints
    b: Ints
    skill: Floats
    share: Floats


def fit_strengths(
    traces: Sequence[MergedTrace],
    comparisons: Sequence[ComparisonRow],
    skills: dict[str, float],
    crew_skill: float,
) -> Strengths:
    """Most probable strengths. `skills` holds J_r of each rater; others get the crew's."""
    known = np.array(
        [np.nan if trace.p_trace is None else trace.p_trace for trace in traces], dtype=np.float64
    )
    start = logit(np.clip(known, LOWEST_TRACE, 1.0 - LOWEST_TRACE))
    # A trace without a posterior is as strong as the average trace until comparisons say otherwise.
    start = np.where(
        np.isnan(start), float(np.mean(start[~np.isnan(start)])) if (~np.isnan(start)).any() else 0.0, start
    )
    choices = _read_choices(traces, comparisons, skills, crew_skill)
    if not len(choices.a):
        return Strengths(start, 1.0, False)
    fits_beta = len(choices.a) >= MIN_COMPARISONS_FOR_BETA
    touched, place = np.unique(np.concatenate([choices.a, choices.b]), return_inverse=True)
    first, second = place[: len(choices.a)], place[len(choices.a) :]

    def loss(theta: Floats) -> tuple[float, Floats]:
        delta, log_beta = theta[:-1], theta[-1]
        beta = np.exp(log_beta) if fits_beta else 1.0
        level = start[touched] + delta
        gap = choices.skill * (level[first] - level[second])
        value = -(choices.share @ log_expit(beta * gap) + (1.0 - choices.share) @ log_expit(-beta * gap))
        residual = expit(beta * gap) - choices.share
        pull = beta * choices.skill * residual
        gradient = np.zeros_like(theta)
        gradient[:-1] = delta + np.bincount(first, pull, len(delta)) - np.bincount(second, pull, len(delta))
        gradient[-1] = log_beta + beta * float(residual @ gap) if fits_beta else log_beta
        return float(value + theta @ theta / 2.0), gradient

    answer = minimize(
        loss,
        np.zeros(len(touched) + 1),
        jac=True,
        method="L-BFGS-B",
        options={"gtol": 1e-8, "ftol": 1e-14, "maxiter": 1000},
    ).x
    strength = start.copy()
    strength[touched] += answer[:-1]
    return Strengths(strength, float(np.exp(answer[-1])) if fits_beta else 1.0, fits_beta)


def list_preferences(
    traces: Sequence[MergedTrace], comparisons: Sequence[ComparisonRow], strengths: Strengths
) -> tuple[MergedPreference, ...]:
    """Every pair of one prompt whose better trace is clear, sorted by prompt, chosen, rejected."""
    usable = np.array([i for i, trace in enumerate(traces) if trace.provenance != "gold"], dtype=np.int64)
    prompts = np.unique([traces[i].prompt_id for i in usable], return_inverse=True)[1].astype(np.int64)
    by_prompt = np.argsort(prompts, kind="stable")
    usable, prompts = usable[by_prompt], prompts[by_prompt]
    compared = _count_choices(traces, comparisons)
    found: list[MergedPreference] = []
    for distance in range(1, int(np.bincount(prompts).max(initial=1))):
        same = np.flatnonzero(prompts[distance:] == prompts[:-distance])
        left, right = usable[same], usable[same + distance]
        clear = np.flatnonzero(
            expit(strengths.beta * np.abs(strengths.strength[left] - strengths.strength[right])) >= MIN_P
        )
        for a, b in zip(left[clear].tolist(), right[clear].tolist(), strict=True):
            better, worse = (a, b) if strengths.strength[a] > strengths.strength[b] else (b, a)
            preference = _prefer(traces[better], traces[worse], strengths, (better, worse), compared)
            if preference is not None:
                found.append(preference)
    return tuple(
        sorted(
            found, key=lambda pair: (rank_id(pair.prompt_id), rank_id(pair.chosen), rank_id(pair.rejected))
        )
    )


@dataclass(frozen=True, slots=True)
class _Tally:
    choosing_raters: frozenset[str]
    num_choices: int
    num_both_bad: int


def _prefer(
    chosen: MergedTrace,
    rejected: MergedTrace,
    strengths: Strengths,
    places: tuple[int, int],
    compared: dict[tuple[str, str], _Tally],
) -> MergedPreference | None:
    low, high = sorted((chosen.trace_id, rejected.trace_id))
    tally = compared.get((low, high))
    if tally is not None and tally.num_both_bad >= max(tally.num_choices, 1):
        return None
    provenance = min((chosen.provenance, rejected.provenance), key=WEAKEST_FIRST.index)
    if tally is not None and len(tally.choosing_raters) >= 2:
        provenance = "human" if provenance == "none" else provenance
    if provenance == "none":
        return None
    gap = float(strengths.strength[places[0]] - strengths.strength[places[1]])
    return MergedPreference(
        prompt_id=chosen.prompt_id,
        chosen=chosen.trace_id,
        rejected=rejected.trace_id,
        p=float(expit(strengths.beta * gap)),
        margin=min(gap, MAX_MARGIN),
        provenance=provenance,
    )


def _read_choices(
    traces: Sequence[MergedTrace],
    comparisons: Sequence[ComparisonRow],
    skills: dict[str, float],
    crew_skill: float,
) -> _Choices:
    place = {trace.trace_id: i for i, trace in enumerate(traces)}
    rows = [row for row in comparisons if row.choice != "both_bad"]
    shares = {"a": 1.0, "tie": 0.5, "b": 0.0}
    return _Choices(
        a=np.array([place[row.trace_a] for row in rows], dtype=np.int64),
        b=np.array([place[row.trace_b] for row in rows], dtype=np.int64),
        skill=np.array([skills.get(row.rater, crew_skill) for row in rows], dtype=np.float64),
        share=np.array([shares[row.choice] for row in rows], dtype=np.float64),
    )


def _count_choices(
    traces: Sequence[MergedTrace], comparisons: Sequence[ComparisonRow]
) -> dict[tuple[str, str], _Tally]:
    tallies: dict[tuple[str, str], _Tally] = {}
    for row in comparisons:
        low, high = sorted((row.trace_a, row.trace_b))
        old = tallies.get((low, high), _Tally(frozenset(), 0, 0))
        chose = row.choice != "both_bad"
        tallies[low, high] = _Tally(
            old.choosing_raters | {row.rater} if chose else old.choosing_raters,
            old.num_choices + chose,
            old.num_both_bad + (not chose),
        )
    return tallies
