"""What the measures read: plain frozen rows. Traces, raters and judges are ids; S is a trace's number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from annotation.rules.rating import Labels


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """`gold`: whether each of S steps stands; None where the trace is not gold."""

    trace: int
    prompt: int
    model: str
    num_steps: int
    gold: tuple[bool, ...] | None = None


LENGTHS = ((1, 5), (6, 10), (11, 20), (21, None))


def name_length(num_steps: int) -> str:
    """The class of lengths that a trace of so many steps belongs to.

    >>> name_length(7), name_length(300)
    ('6 to 10 steps', '21 steps or more')
    """
    low, high = next((low, high) for low, high in LENGTHS if high is None or num_steps <= high)
    return f"{low} steps or more" if high is None else f"{low} to {high} steps"


@dataclass(frozen=True, slots=True)
class BlindRating:
    """A rater's last word on a trace before any judge score showed. `day`: its date as `date.toordinal()`."""

    trace: int
    rater: int
    labels: Labels
    day: int
    categories: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scores:
    """One judge version's probabilities for one trace, S of them; None for a step it says nothing of."""

    trace: int
    judge: int
    probabilities: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class DrawnRating:
    """A rater's first word on a trace, in the arm that was drawn for the two, on which a judge version had its scores
    ready when the trace was handed out."""

    trace: int
    judge: int
    is_assisted: bool
    labels: Labels
    probabilities: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Selected:
    """A rated trace and the probability with which it was first drawn."""

    trace: int
    probability: float


def group_by_trace(ratings: Sequence[BlindRating]) -> dict[int, list[BlindRating]]:
    """The blind ratings of each trace, in order of rater, so that the order of rows never matters."""
    grouped: dict[int, list[BlindRating]] = {}
    for rating in sorted(ratings, key=lambda one: (one.trace, one.rater)):
        grouped.setdefault(rating.trace, []).append(rating)
    return grouped
