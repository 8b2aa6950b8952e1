"""The whole reports from plain rows: what they count, whom they hear, and that 10,000 ratings take seconds."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Sequence

import pytest

from annotation.measuring.errors_everywhere import predict_errors
from annotation.measuring.reports import (
    MOST_DISPUTED_STEPS,
    PeopleInput,
    hear_everyone,
    report_agreement,
    report_judges,
)
from annotation.measuring.rows import BlindRating, DrawnRating, Scores, Selected, TraceFacts
from annotation.measuring.truth import PeoplesWord


def make_people(
    num_traces: int, *, num_raters: int = 2, seed: int = 1, num_steps: int = 6, scored: int | None = None
) -> PeopleInput:
    """Raters find half of the traces wrong at some step, and the other raters mostly agree; one judge scores them."""
    source = random.Random(seed)
    facts, ratings, scores, selected, drawn = {}, [], [], [], []
    for trace in range(num_traces):
        facts[trace] = TraceFacts(trace, trace // 3, f"model {trace % 3}", num_steps)
        error = source.randrange(num_steps) if source.random() < 0.5 else None
        probabilities = tuple(
            round(source.uniform(0.0, 0.5) if step == error else source.uniform(0.4, 1.0), 2)
            for step in range(num_steps)
        )
        if scored is None or trace < scored:
            scores.append(Scores(trace, 1, probabilities))
        for rater in range(num_raters):
            place = error if source.random() < 0.85 else source.choice([None, 0, 2])
            labels = tuple(
                None if place is not None and step > place else -1 if step == place else source.choice((0, 1))
                for step in range(num_steps)
            )
            ratings.append(BlindRating(trace, rater + 5 * (trace % 4), labels, day=739_000 + trace // 50))
            drawn.append(DrawnRating(trace, 1, rater == 0, labels, probabilities))
        selected.append(Selected(trace, source.uniform(0.01, 0.5)))
    return PeopleInput(
        facts, ratings, scores, simulated=frozenset({0}), num_assisted=7, selected=selected, drawn=drawn
    )


def test_the_agreement_report_counts_whom_it_rests_on() -> None:
    people = make_people(60)

    report = report_agreement(people)

    assert (report.num_ratings, report.num_assisted) == (120, 7)
    assert report.num_simulated == sum(rating.rater == 0 for rating in people.ratings) == 15
    assert report.overall.num_traces == report.overall.num_double == 60
    assert sum(group.agreement.num_traces for group in report.by_model) == 60
    assert sum(pair.num_shared for pair in report.pairs) == 60
    assert len(report.over_time) <= 6


def test_the_order_of_rows_changes_nothing() -> None:
    people = make_people(40)
    turned = dataclasses.replace(
        people,
        facts=dict(reversed(list(people.facts.items()))),
        ratings=people.ratings[::-1],
        scores=people.scores[::-1],
        selected=people.selected[::-1],
        drawn=people.drawn[::-1],
    )

    assert report_agreement(turned).overall == report_agreement(people).overall
    assert report_judges(turned).judges == report_judges(people).judges


def test_gold_speaks_for_its_trace_even_where_nobody_rated_it() -> None:
    gold = TraceFacts(1, 1, "m", 2, gold=(True, False))
    rated = TraceFacts(2, 1, "m", 2)
    silent = TraceFacts(3, 1, "m", 2)
    people = PeopleInput(
        {1: gold, 2: rated, 3: silent}, [BlindRating(2, 1, (1, 1), 1)], [], simulated=frozenset()
    )

    assert hear_everyone(people) == {
        1: PeoplesWord((True, False), 1),
        2: PeoplesWord((True, True), -1),
    }


@pytest.mark.parametrize(
    ("probabilities", "wanted"),
    [
        ([(0.9, 0.2, 0.8)], {1: 0.8}),
        ([(0.9, None), (0.5, 0.7)], {1: pytest.approx((0.1 + 0.5) / 2)}),
        ([(None, None)], {}),
        ([], {}),
    ],
)
def test_judges_fear_the_weakest_step(
    probabilities: Sequence[tuple[float | None, ...]], wanted: dict[int, float]
) -> None:
    scores = [Scores(1, judge, said) for judge, said in enumerate(probabilities)]

    assert predict_errors(scores) == wanted


def test_errors_everywhere_reach_beyond_the_rated_traces() -> None:
    people = make_people(400)
    few = {one.trace for one in people.selected[:80]}
    partly = PeopleInput(
        people.facts,
        [rating for rating in people.ratings if rating.trace in few],
        people.scores,
        frozenset(),
        selected=people.selected,
    )

    found = report_agreement(partly).errors_everywhere

    assert found is not None
    assert (found.num_labelled, found.num_predicted) == (80, 400)
    assert found.num_effective < 80
    assert found.low < 0.5 < found.high


def test_a_trace_that_was_never_drawn_has_no_weight_and_is_left_out() -> None:
    people = make_people(30)
    undrawn = PeopleInput(
        people.facts, people.ratings, people.scores, frozenset(), selected=people.selected[:12]
    )

    found = report_agreement(undrawn).errors_everywhere

    assert found is not None
    assert found.num_labelled == 12


def test_without_scores_there_is_no_estimate_for_the_rest() -> None:
    assert report_agreement(make_people(30, scored=0)).errors_everywhere is None


def test_each_judge_is_held_against_the_traces_it_scored() -> None:
    people = make_people(60, scored=40)
    other = [Scores(trace, 2, (0.5,) * 6) for trace in range(20, 60)]
    both = PeopleInput(
        people.facts, people.ratings, [*people.scores, *other], frozenset(), drawn=people.drawn
    )

    first, second = report_judges(both).judges

    assert (first.quality.judge, first.quality.num_scored) == (1, 40)
    assert (second.quality.judge, second.quality.num_scored) == (2, 40)
    assert (first.quality.overall.auc.value or 0) > 0.8
    assert second.quality.overall.auc.value == 0.5  # it says the same of every step
    assert second.anchoring.num_assisted == second.anchoring.num_blind == 0


def test_traces_on_which_people_are_split_are_counted() -> None:
    facts = {trace: TraceFacts(trace, 1, "m", 2) for trace in range(4)}
    ratings = [BlindRating(trace, 1, (1, 1), 1) for trace in range(4)]
    ratings += [BlindRating(trace, 2, (1, -1), 1) for trace in range(3)]

    report = report_judges(PeopleInput(facts, ratings, [], frozenset()))

    assert (report.num_people_traces, report.num_split, report.judges) == (4, 3, ())


@pytest.mark.slow
def test_a_report_of_ten_thousand_ratings_takes_a_worker_seconds_and_a_page_little_to_read() -> None:
    people = make_people(4000, num_raters=3)
    started = time.process_time()

    agreement = report_agreement(people)
    judges = report_judges(people)

    assert time.process_time() - started < 15
    assert agreement.num_ratings == 12_000
    assert len(agreement.disputed) == MOST_DISPUTED_STEPS
    assert len(judges.judges[0].quality.roc) <= 200
