"""Where EM begins: it only finds the optimum it starts near, and where errors are rare h = .07 lies near a wrong one.

There, with long traces above all, raters' false alarms would pass for errors: one in fourteen steps is expected to be
one, the hazard is refitted three times only, and the E row of every rater drifts towards what false alarms look like.
So three hazards are tried on a sample of the rated traces, with the hazard moving in every iteration, and the one is
taken under which what raters said (with the priors) is likeliest. Where it ends near .07, the fit begins at .07 with
the priors, as DOMAIN.md has it; where it ends far from there, the fit begins with what was found.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annotation.merging.chain import Beliefs, Floats, Packing, log_likelihood
from annotation.merging.corpus import Labels
from annotation.merging.raters import (
    CREW_STRENGTH,
    PRIOR,
    PRIOR_STRENGTH,
    count_labels,
    fit_crew,
    fit_raters,
    weigh_evidence,
)

FIRST_HAZARD = 0.07
FIRST_RECOVERY = 0.05
CONSTANT_STRENGTH = 20.0
"""How many steps at risk the first hazard (and recovery) are worth, where only a constant can be fitted."""
HAZARDS = (FIRST_HAZARD, 0.02, 0.005)
FAR = 1.5
"""Hazards within this factor of .07 are found from .07."""
MAX_ITERATIONS = 40
TOLERANCE = 1e-3

Believe = Callable[[Floats, Floats, Floats], Beliefs]
"""Beliefs from hazard (S,), recovery (S,) and the raters' matrices (R, 3, 3)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Traces to try starts on: their packing, labels, number of steps and raters, and how beliefs follow."""

    packing: Packing
    labels: Labels
    num_steps: int
    num_raters: int
    believe: Believe


@dataclass(frozen=True, slots=True)
class Start:
    """Where EM begins: P(error) and P(recovery) at a step, and the raters' matrices (R, 3, 3)."""

    hazard: float
    recovery: float
    matrices: Floats


def choose_start(sample: Sample, *, learns_recovery: bool) -> Start:
    """The usual start, or the likeliest where it ends far from there."""
    tried = [_iterate(sample, hazard, learns_recovery) for hazard in HAZARDS]
    best, _, calls_errors_bad = max(tried, key=lambda found: found[1])
    # A crew that calls most errors good has swapped what the states mean, however likely that is.
    if not calls_errors_bad or 1 / FAR < best.hazard / FIRST_HAZARD < FAR:
        return usual_start(sample.num_raters, learns_recovery=learns_recovery)
    return best


def usual_start(num_raters: int, *, learns_recovery: bool) -> Start:
    """h = .07 and the priors, as DOMAIN.md has it."""
    usual = np.broadcast_to(PRIOR, (num_raters, 3, 3))
    return Start(FIRST_HAZARD, FIRST_RECOVERY if learns_recovery else 0.0, usual)


def fit_rate(events: Floats, others: Floats, prior: float) -> float:
    """A constant rate of events, shrunk to the prior."""
    total = float(events.sum() + others.sum())
    return (float(events.sum()) + CONSTANT_STRENGTH * prior) / (total + CONSTANT_STRENGTH)


def _iterate(sample: Sample, hazard: float, learns_recovery: bool) -> tuple[Start, float, bool]:
    recovery = FIRST_RECOVERY if learns_recovery else 0.0
    matrices, crew = np.broadcast_to(PRIOR, (sample.num_raters, 3, 3)), PRIOR
    prior = hazard
    for _ in range(MAX_ITERATIONS):
        beliefs = sample.believe(*_spread(sample, hazard, recovery), matrices)
        before = hazard
        hazard = fit_rate(beliefs.erred, beliefs.stayed, prior)
        recovery = fit_rate(beliefs.recovered, beliefs.rested, FIRST_RECOVERY) if learns_recovery else 0.0
        counts = count_labels(sample.labels, beliefs, sample.num_raters)
        crew = fit_crew(counts)
        refitted = fit_raters(counts, crew)
        moved = float(np.abs(refitted - matrices).max(initial=0.0))
        matrices = refitted
        if max(moved, abs(hazard / before - 1.0)) < TOLERANCE:
            break
    start = Start(hazard, recovery, matrices)
    return start, _score(sample, start, crew), bool(crew[1, 0] >= crew[1, 2])


def _score(sample: Sample, start: Start, crew: Floats) -> float:
    """Log of the posterior density of a start, up to a constant: likelihood, and the priors of crew and raters."""
    evidence = weigh_evidence(sample.labels, start.matrices, sample.num_steps)
    said = log_likelihood(sample.packing, *_spread(sample, start.hazard, start.recovery), evidence)
    believed = PRIOR_STRENGTH * float((PRIOR * np.log(crew)).sum())
    return said + believed + CREW_STRENGTH * float((crew * np.log(start.matrices)).sum())


def _spread(sample: Sample, hazard: float, recovery: float) -> tuple[Floats, Floats]:
    return np.full(sample.num_steps, hazard), np.full(sample.num_steps, recovery)
