"""Whether a judge finds the first error of a trace: ProcessBench's F1 (Zheng et al. 2024)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from annotation.measuring.anchoring import ERROR_BELOW
from annotation.measuring.resampling import Estimate, Floats, divide, estimate

MIN_TRACES_OF_A_KIND = 5
"""With fewer traces that have an error, or fewer without one, there is no F1."""


@dataclass(frozen=True, slots=True)
class FirstErrorScore:
    """`on_errors`: the share of traces with an error whose first error the judge finds exactly; `on_sound`: the share
    of traces without one in which it finds none; `f1`: their harmonic mean."""

    f1: Estimate
    on_errors: Estimate
    on_sound: Estimate
    num_errors: int
    num_sound: int


def score_first_errors(cases: Iterable[tuple[Sequence[float | None], int | None]]) -> FirstErrorScore:
    """ProcessBench's F1 of a judge that calls the first step below one half the first error.

    cases: the judge's probabilities of a trace, and people's first error (-1 for none; None is left out). A trace
    of which it scored no step has no answer and is a miss, as in `rl_bridge.evaluating.first_errors`: a checker of
    equations that found none did not find the trace sound, and a reply that could not be read looks the same.
    """
    rows = []
    for probabilities, place in cases:
        if place is not None:
            has_answer = any(p is not None for p in probabilities)
            hit = float(has_answer and locate_first_error(probabilities) == place)
            rows.append((1.0, hit, 0.0, 0.0) if place >= 0 else (0.0, 0.0, 1.0, hit))
    sums = np.array(rows) if rows else np.zeros((0, 4))
    errors, _, sounds, _ = sums.sum(axis=0)
    can_say = min(errors, sounds) >= MIN_TRACES_OF_A_KIND
    f1 = estimate(sums, _f1)

    def rate(of: int) -> Estimate:
        return estimate(
            sums,
            lambda drawn: divide(drawn[:, of + 1], drawn[:, of]),
            is_share=True,
            counts=sums[:, of] > 0,
        )

    return FirstErrorScore(
        f1=f1 if can_say else Estimate(None, None, None, len(sums)),
        on_errors=rate(0),
        on_sound=rate(2),
        num_errors=int(errors),
        num_sound=int(sounds),
    )


def locate_first_error(probabilities: Sequence[float | None]) -> int:
    """The index of the first step that the judge calls bad; -1 for none."""
    return next((i for i, p in enumerate(probabilities) if p is not None and p < ERROR_BELOW), -1)


def _f1(drawn: Floats) -> Floats:
    on_errors, on_sound = divide(drawn[:, 1], drawn[:, 0]), divide(drawn[:, 3], drawn[:, 2])
    both = on_errors + on_sound
    return np.where(both == 0.0, 0.0, divide(2.0 * on_errors * on_sound, both))
