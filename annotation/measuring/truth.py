"""What people say of a trace's steps: gold where there is some, else the majority of blind raters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.rules.gold_accuracy import gold_first_error
from annotation.rules.rating import Labels, first_error


@dataclass(frozen=True, slots=True)
class PeoplesWord:
    """`stands`: S entries, whether each step stands; None after the first error and where raters are split.

    `first_error`: the index of the first error, -1 for none; None where no majority names one place.
    """

    stands: tuple[bool | None, ...]
    first_error: int | None


def hear_people(ratings: Sequence[Labels], gold: tuple[bool, ...] | None) -> PeoplesWord | None:
    """People's word on a trace; None where nobody blind rated it and it is not gold."""
    if gold is not None:
        place = gold_first_error(gold)
        end = len(gold) if place is None else place + 1
        return PeoplesWord((*gold[:end], *[None] * (len(gold) - end)), -1 if place is None else place)
    if not ratings:
        return None
    return PeoplesWord(_hear_steps(ratings), _hear_first_error(ratings))


def _hear_steps(ratings: Sequence[Labels]) -> tuple[bool | None, ...]:
    """Whether each step stands, up to the first that half of those who judged it, or more, call bad."""
    num_steps = len(ratings[0])
    heard: list[bool | None] = []
    for index in range(num_steps):
        said = [labels[index] for labels in ratings if labels[index] is not None]
        num_bad = said.count(-1)
        if not said:
            heard.append(None)
        elif 2 * num_bad >= len(said):
            heard.append(False if 2 * num_bad > len(said) else None)
            break
        else:
            heard.append(True)
    return (*heard, *[None] * (num_steps - len(heard)))


def _hear_first_error(ratings: Sequence[Labels]) -> int | None:
    places = Counter(-1 if place is None else place for place in map(first_error, ratings))
    place, times = places.most_common(1)[0]
    return place if 2 * times > len(ratings) else None
