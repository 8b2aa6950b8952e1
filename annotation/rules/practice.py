"""Which gold traces make a good tutorial, and what a practice answer is told.

An answer is right where its first error is gold's (annotation.rules.gold_accuracy); what stands behind it is not asked.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from annotation.rules.gold_accuracy import gold_first_error
from annotation.rules.rating import Labels, first_error

TUTORIAL_SIZE = 6


@dataclass(frozen=True)
class Candidate:
    """A gold trace that might be practised on. stands: S booleans, whether each step stands."""

    trace_id: int
    stands: tuple[bool, ...]


def choose_varied(candidates: Sequence[Candidate], num: int, source: random.Random) -> list[int]:
    """`num` trace ids (fewer where there are fewer), in the order to show them: taken in turn from those without an
    error, with one at the first step, in the middle, and at the last, so that each kind comes early."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for candidate in candidates:
        kinds[_kind(candidate.stands)].append(candidate.trace_id)
    for trace_ids in kinds.values():
        source.shuffle(trace_ids)
    queues = [kinds[kind] for kind in ("none", "middle", "first", "last") if kinds[kind]]
    chosen: list[int] = []
    while queues and len(chosen) < num:
        for queue in queues:
            if len(chosen) < num:
                chosen.append(queue.pop())
        queues = [queue for queue in queues if queue]
    return chosen


class Finding(Enum):
    """How an answer's first error lies to gold's."""

    RIGHT = "right"
    MISSED = "missed"  # it found no error where there is one
    INVENTED = "invented"  # it found one where there is none
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"


def compare_with_gold(labels: Labels, stands: Sequence[bool]) -> Finding:
    """What an answer got right or wrong."""
    found, known = first_error(labels), gold_first_error(stands)
    if found == known:
        return Finding.RIGHT
    if found is None:
        return Finding.MISSED
    if known is None:
        return Finding.INVENTED
    return Finding.TOO_EARLY if found < known else Finding.TOO_LATE


def has_passed(*, num_right: int, num_shown: int, pass_mark: float) -> bool:
    """Whether so many right answers are enough; the mark is a share of those shown."""
    return num_shown > 0 and num_right >= pass_mark * num_shown - 1e-9


def _kind(stands: Sequence[bool]) -> str:
    error = gold_first_error(stands)
    if error is None:
        return "none"
    if error == 0:
        return "first"
    return "last" if error == len(stands) - 1 else "middle"
