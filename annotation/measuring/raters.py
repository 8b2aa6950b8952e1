"""Who agrees with whom, and on which steps raters disagree most."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotation.measuring.rows import BlindRating
from annotation.rules.rating import BAD, GOOD, NEUTRAL, verdict

MIN_SHARED_TRACES = 5
"""Two raters with fewer traces in common are not compared."""


@dataclass(frozen=True, slots=True)
class RaterPair:
    """Two raters and the traces both rated blind: on how many they gave the same verdict."""

    one: int
    other: int
    num_shared: int
    num_agreed: int


@dataclass(frozen=True, slots=True)
class DisputedStep:
    """A step and how many raters called it bad, neutral and good. `spread`: the variance of their labels, 0 to 1."""

    trace: int
    index: int
    num_bad: int
    num_neutral: int
    num_good: int
    spread: float


def compare_raters(rated: Mapping[int, Sequence[BlindRating]]) -> tuple[RaterPair, ...]:
    """Every pair with a trace in common, in order of their ids."""
    counts: dict[tuple[int, int], list[int]] = {}
    for ratings in rated.values():
        for one, other in itertools.combinations(sorted(ratings, key=lambda r: r.rater), 2):
            found = counts.setdefault((one.rater, other.rater), [0, 0])
            found[0] += 1
            found[1] += verdict(one.labels) == verdict(other.labels)
    return tuple(RaterPair(*pair, *counts[pair]) for pair in sorted(counts))


def find_disputed_steps(rated: Mapping[int, Sequence[BlindRating]], most: int) -> tuple[DisputedStep, ...]:
    """The steps on which labels lie furthest apart, more raters before fewer; at most `most` of them."""
    found = [step for trace, ratings in rated.items() for step in _list_disputed(trace, ratings)]
    found.sort(
        key=lambda step: (
            -step.spread,
            -(step.num_bad + step.num_neutral + step.num_good),
            step.trace,
            step.index,
        )
    )
    return tuple(found[:most])


def _list_disputed(trace: int, ratings: Sequence[BlindRating]) -> Iterable[DisputedStep]:
    for index, step in enumerate(zip(*(one.labels for one in ratings), strict=True)):
        said = [label for label in step if label is not None]
        if len(set(said)) > 1:
            mean = sum(said) / len(said)
            spread = sum((label - mean) ** 2 for label in said) / len(said)
            yield DisputedStep(
                trace, index, said.count(BAD), said.count(NEUTRAL), said.count(GOOD), round(spread, 4)
            )
