"""How far raters agree, with intervals by bootstrap over traces: DOMAIN's measures, overall and by part.

Blind ratings alone: raters who saw a judge's scores first agree with each other partly because of it. Each trace adds
a row of sums (`_add_up`), from which every measure of every resample is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from annotation.measuring.alpha import agreement_on, count_coincidences, nominal_alpha, ordinal_alpha
from annotation.measuring.resampling import MIN_TRACES, Estimate, Floats, divide, estimate
from annotation.measuring.rows import BlindRating, TraceFacts, name_length
from annotation.rules.agreement import correct_for_chance, pair_share
from annotation.rules.rating import Labels, first_error, verdict

_HAS_PAIR, _AGREED, _RATED, _ERRORS, _SAME_PLACE = range(5)
_VERDICTS, _STEPS, _NUM_SUMS = slice(5, 9), slice(9, 18), 18
_MOST_PERIODS = 26


@dataclass(frozen=True, slots=True)
class Agreement:
    """DOMAIN's measures over some traces. `prevalence`: the share of raters who found an error, mean over traces."""

    num_traces: int
    num_double: int
    prevalence: Estimate
    agreed: Estimate
    alpha: Estimate
    ac1: Estimate
    first_error: Estimate
    step_alpha: Estimate


@dataclass(frozen=True, slots=True)
class Group:
    """Agreement on the traces of one group, such as one model's. `day`: the first day of a period, else None."""

    name: str
    agreement: Agreement
    day: int | None = None


@dataclass(frozen=True, slots=True)
class ValueAgreement:
    """Given that one rater said this of a step, the probability that another did; `share`: how often it is said, of all
    that is said."""

    name: str
    share: Estimate
    num_said: int
    agreed: Estimate


RatedTraces = Mapping[int, Sequence[BlindRating]]
"""The blind ratings of each trace."""


def measure_agreement(rated: Iterable[Sequence[Labels]]) -> Agreement:
    """All measures over traces, each the labels of its raters."""
    rows = [_add_up(labels) for labels in rated if labels]
    sums = np.array(rows) if rows else np.zeros((0, _NUM_SUMS))
    pairs = sums[:, _HAS_PAIR] > 0
    steps = sums[:, _STEPS].sum(axis=1) > 0

    def of(
        measure: Callable[[Floats], Floats], counts: npt.NDArray[np.bool_], share: bool = False
    ) -> Estimate:
        return estimate(sums, measure, is_share=share, counts=counts)

    agreed = of(_agreed, pairs, True)
    alpha = of(lambda drawn: nominal_alpha(drawn[:, _VERDICTS].reshape(-1, 2, 2)), pairs)
    ac1 = of(lambda drawn: correct_for_chance(_agreed(drawn), _prevalence(drawn)), pairs)
    errors = float(_prevalence(sums[pairs].sum(axis=0, keepdims=True))[0]) if pairs.any() else 0.0
    by_chance = 2.0 * errors * (1.0 - errors)
    return Agreement(
        num_traces=len(sums),
        num_double=int(pairs.sum()),
        prevalence=of(_prevalence, sums[:, _RATED] > 0, True),
        agreed=agreed,
        alpha=_reach_down(alpha, agreed, 1.0 - by_chance),
        ac1=_reach_down(ac1, agreed, by_chance),
        first_error=of(lambda drawn: divide(drawn[:, _SAME_PLACE], drawn[:, _HAS_PAIR]), pairs, True),
        step_alpha=of(lambda drawn: ordinal_alpha(drawn[:, _STEPS].reshape(-1, 3, 3)), pairs & steps),
    )


def _reach_down(found: Estimate, agreed: Estimate, by_chance: float) -> Estimate:
    """A coefficient where no two raters differed: no resample does either, which does not make it certain. Its lower
    end is that of the share agreed (Clopper and Pearson's), corrected for the same chance."""
    is_full = found.value is not None and found.value > 1.0 - 1e-12
    if not is_full or agreed.low is None or by_chance >= 1.0:
        return found
    return replace(found, low=max(-1.0, (agreed.low - by_chance) / (1.0 - by_chance)), high=1.0)


def measure_by_model(rated: RatedTraces, facts: Mapping[int, TraceFacts]) -> tuple[Group, ...]:
    """Agreement on each model's traces, the most rated model first."""
    groups = _measure_groups(rated, lambda trace: facts[trace].model)
    return tuple(sorted(groups, key=lambda group: (-group.agreement.num_traces, group.name)))


def measure_by_length(rated: RatedTraces, facts: Mapping[int, TraceFacts]) -> tuple[Group, ...]:
    """Agreement on traces of about the same number of steps, from short to long."""
    by_length = dict(sorted(rated.items(), key=lambda item: facts[item[0]].num_steps))
    return _measure_groups(by_length, lambda trace: name_length(facts[trace].num_steps))


def _measure_groups(rated: RatedTraces, name_of: Callable[[int], str]) -> tuple[Group, ...]:
    grouped: dict[str, list[Sequence[Labels]]] = {}
    for trace, ratings in rated.items():
        grouped.setdefault(name_of(trace), []).append([one.labels for one in ratings])
    return tuple(Group(name, measure_agreement(said)) for name, said in grouped.items())


def measure_over_time(rated: RatedTraces) -> tuple[Group, ...]:
    """Agreement by period, a trace belonging to that of its last rating: days, weeks, four weeks or longer.

    There are at most 26 periods, and no more than would have enough traces with two raters if each had as many.
    """
    last_day = {trace: max(one.day for one in ratings) for trace, ratings in rated.items()}
    if not last_day:
        return ()
    first, last = min(last_day.values()), max(last_day.values())
    num_double = sum(len(ratings) > 1 for ratings in rated.values())
    most = max(1, min(_MOST_PERIODS, num_double // MIN_TRACES))
    length = next((days for days in (1, 7, 28) if (last - first) // days < most), (last - first) // most + 1)
    grouped: dict[int, list[Sequence[Labels]]] = {}
    for trace, day in last_day.items():
        period = first + (day - first) // length * length
        grouped.setdefault(period, []).append([one.labels for one in rated[trace]])
    name = {1: "day", 7: "week", 28: "four weeks"}.get(length, f"{length} days")
    return tuple(Group(name, measure_agreement(grouped[day]), day) for day in sorted(grouped))


def measure_by_label(rated: RatedTraces) -> tuple[ValueAgreement, ...]:
    """How surely a bad, neutral or good step is called so by another rater, on steps that all of them reached."""
    units = [_shared_steps([one.labels for one in ratings]) for ratings in rated.values()]
    return _measure_values(units, ("Bad", "Neutral", "Good"))


def measure_by_category(rated: RatedTraces) -> tuple[ValueAgreement, ...]:
    """The same for the kinds of error that raters name, on steps that two or more call bad and name a kind for."""
    named = Counter(
        category for ratings in rated.values() for one in ratings for category in one.categories.values()
    )
    names = tuple(sorted(named, key=lambda name: (-named[name], name)))
    place = {name: index for index, name in enumerate(names)}
    units = [_shared_categories(ratings, place) for ratings in rated.values()]
    return _measure_values(units, names)


def _measure_values(
    units: Sequence[Sequence[Sequence[int]]], names: Sequence[str]
) -> tuple[ValueAgreement, ...]:
    num = len(names)
    if not num or not units:
        return ()
    sums = np.array([count_coincidences(of_trace, num).reshape(-1) for of_trace in units])
    said = np.array([_count_said(of_trace, num) for of_trace in units])
    spoken = said.sum(axis=1) > 0
    measured = []
    for value, name in enumerate(names):
        adds = sums.reshape(-1, num, num)[:, value, :].sum(axis=1) > 0
        found = estimate(
            sums,
            lambda drawn, value=value: agreement_on(drawn.reshape(-1, num, num), value),  # type: ignore[misc]
            is_share=True,
            counts=adds,
        )
        share = estimate(
            said,
            lambda drawn, value=value: divide(drawn[:, value], drawn.sum(axis=1)),  # type: ignore[misc]
            is_share=True,
            counts=spoken,
        )
        measured.append(ValueAgreement(name, share, int(said[:, value].sum()), found))
    return tuple(measured)


def _count_said(of_trace: Sequence[Sequence[int]], num: int) -> Floats:
    values = [value for unit in of_trace for value in unit]
    return np.bincount(np.array(values, dtype=np.int64), minlength=num).astype(np.float64)


def _add_up(said: Sequence[Labels]) -> Floats:
    """What one trace adds to the sums that measures are read from."""
    sums = np.zeros(_NUM_SUMS)
    verdicts = [verdict(labels) for labels in said]
    sums[_RATED], sums[_ERRORS] = 1.0, sum(verdicts) / len(verdicts)
    if len(said) >= 2:
        sums[_HAS_PAIR], sums[_AGREED] = 1.0, pair_share(verdicts)
        sums[_SAME_PLACE] = pair_share([first_error(labels) for labels in said])
        sums[_VERDICTS] = count_coincidences([[int(one) for one in verdicts]], 2).reshape(-1)
        sums[_STEPS] = count_coincidences(_shared_steps(said), 3).reshape(-1)
    return sums


def _shared_steps(said: Sequence[Labels]) -> list[list[int]]:
    """The labels, 0..2 for -1..+1, of each step that every rater of the trace judged; none with one rater."""
    if len(said) < 2:
        return []
    steps = zip(*said, strict=True)
    return [[label + 1 for label in step if label is not None] for step in steps if None not in step]


def _shared_categories(ratings: Sequence[BlindRating], place: Mapping[str, int]) -> list[list[int]]:
    by_step: dict[int, list[int]] = {}
    for one in ratings:
        for step, category in one.categories.items():
            by_step.setdefault(step, []).append(place[category])
    return [said for said in by_step.values() if len(said) >= 2]


def _agreed(drawn: Floats) -> Floats:
    return divide(drawn[:, _AGREED], drawn[:, _HAS_PAIR])


def _prevalence(drawn: Floats) -> Floats:
    return divide(drawn[:, _ERRORS], drawn[:, _RATED])
