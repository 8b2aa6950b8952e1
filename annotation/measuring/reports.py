"""The three reports of a project, whole: what a worker computes and a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotation.measuring.agreement import (
    Agreement,
    Group,
    ValueAgreement,
    measure_agreement,
    measure_by_category,
    measure_by_label,
    measure_by_length,
    measure_by_model,
    measure_over_time,
)
from annotation.measuring.anchoring import Anchoring, measure_anchoring
from annotation.measuring.errors_everywhere import collect_errors
from annotation.measuring.judges import JudgeQuality, measure_judge
from annotation.measuring.more_labels import LabelValue, measure_label_value
from annotation.measuring.prediction_powered import PoweredMean
from annotation.measuring.raters import DisputedStep, RaterPair, compare_raters, find_disputed_steps
from annotation.measuring.rows import (
    BlindRating,
    DrawnRating,
    Scores,
    Selected,
    TraceFacts,
    group_by_trace,
)
from annotation.measuring.truth import PeoplesWord, hear_people
from annotation.merging.data import MergeInput

REPORT_VERSION = "7"
"""Raise it whenever a report gets other fields or another meaning: pages read no other version."""
MOST_DISPUTED_STEPS = 500


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """`num_assisted`: ratings left out because their raters saw scores first. `errors_everywhere`: the share of all
    traces with an error, rated or not."""

    num_ratings: int
    num_simulated: int
    num_assisted: int
    overall: Agreement
    by_model: tuple[Group, ...]
    by_length: tuple[Group, ...]
    over_time: tuple[Group, ...]
    by_label: tuple[ValueAgreement, ...]
    by_category: tuple[ValueAgreement, ...]
    pairs: tuple[RaterPair, ...]
    disputed: tuple[DisputedStep, ...]
    errors_everywhere: PoweredMean | None


@dataclass(frozen=True, slots=True)
class JudgeReport:
    quality: JudgeQuality
    anchoring: Anchoring


@dataclass(frozen=True, slots=True)
class JudgesReport:
    """`num_people_traces`: traces with people's word, gold or blind ratings; `num_split`: those on which no majority
    names the place of the first error; `num_swayed_gold`: gold left out, decided with scores in view."""

    num_people_traces: int
    num_split: int
    num_swayed_gold: int
    num_simulated: int
    judges: tuple[JudgeReport, ...]


@dataclass(frozen=True, slots=True)
class PeopleInput:
    """What people said of a project. `simulated` are ids of raters that are programs. `num_swayed_gold`: gold that is
    left out of `facts`, since whoever decided it had judge scores in view."""

    facts: Mapping[int, TraceFacts]
    ratings: Sequence[BlindRating]
    scores: Sequence[Scores]
    simulated: frozenset[int]
    num_assisted: int = 0
    num_swayed_gold: int = 0
    selected: Sequence[Selected] = ()
    drawn: Sequence[DrawnRating] = ()

    @property
    def num_simulated(self) -> int:
        return sum(rating.rater in self.simulated for rating in self.ratings)


def report_agreement(people: PeopleInput) -> AgreementReport:
    rated = group_by_trace(people.ratings)
    return AgreementReport(
        num_ratings=len(people.ratings),
        num_simulated=people.num_simulated,
        num_assisted=people.num_assisted,
        overall=measure_agreement([one.labels for one in ratings] for ratings in rated.values()),
        by_model=measure_by_model(rated, people.facts),
        by_length=measure_by_length(rated, people.facts),
        over_time=measure_over_time(rated),
        by_label=measure_by_label(rated),
        by_category=measure_by_category(rated),
        pairs=compare_raters(rated),
        disputed=find_disputed_steps(rated, MOST_DISPUTED_STEPS),
        errors_everywhere=collect_errors(rated, people.scores, people.selected).estimate(),
    )


def report_judges(people: PeopleInput) -> JudgesReport:
    words = hear_everyone(people)
    by_judge: dict[int, list[Scores]] = {}
    for one in people.scores:
        by_judge.setdefault(one.judge, []).append(one)
    drawn: dict[int, list[DrawnRating]] = {}
    for rating in people.drawn:
        drawn.setdefault(rating.judge, []).append(rating)
    return JudgesReport(
        num_people_traces=len(words),
        num_split=sum(word.first_error is None for word in words.values()),
        num_swayed_gold=people.num_swayed_gold,
        num_simulated=people.num_simulated,
        judges=tuple(
            JudgeReport(
                measure_judge(judge, by_judge[judge], people.facts, words),
                measure_anchoring(judge, drawn.get(judge, [])),
            )
            for judge in sorted(by_judge)
        ),
    )


def report_more_labels(people: PeopleInput, merge_input: MergeInput) -> LabelValue:
    """merge_input: the project's, with blind ratings only."""
    errors = collect_errors(group_by_trace(people.ratings), people.scores, people.selected)
    return measure_label_value(merge_input, hear_everyone(people), errors)


def hear_everyone(people: PeopleInput) -> dict[int, PeoplesWord]:
    """People's word on every trace that has one."""
    rated = group_by_trace(people.ratings)
    words = {}
    for trace, facts in people.facts.items():
        word = hear_people([one.labels for one in rated.get(trace, ())], facts.gold)
        if word is not None:
            words[trace] = word
    return words
