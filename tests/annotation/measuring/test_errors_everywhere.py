"""The share of traces with an error, and the width that more labels are promised to leave of its interval: the
published one, as ppi-python has it, and near what more labels really leave."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ppi_py import ppi_mean_ci

from annotation.measuring.curves import Curve
from annotation.measuring.errors_everywhere import RatedErrors, collect_errors, predict_errors
from annotation.measuring.more_labels import measure_label_value
from annotation.measuring.reports import PeopleInput, hear_everyone, report_agreement
from annotation.measuring.rows import BlindRating, Scores, Selected, group_by_trace
from annotation.measuring.truth import PeoplesWord
from annotation.merging.data import MergeInput
from tests.annotation.measuring.test_reports import make_people

NUM_TRACES = 6000


def promise_width(people: PeopleInput) -> Curve | None:
    errors = collect_errors(group_by_trace(people.ratings), people.scores, people.selected)
    return measure_label_value(
        MergeInput(traces=[]), hear_everyone(people), errors, num_repeats=8
    ).interval_width


@pytest.fixture(autouse=True)
def no_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Label errors are another test's: merges cost time and change no width."""
    monkeypatch.setattr("annotation.measuring.more_labels._Bench.measure_error", lambda *_: 0.1)


def draw_by_need(source: np.random.Generator, rate: float) -> RatedErrors:
    """Traces drawn half at random and half by need, `rate` of them in all, of a world with errors in three of ten."""
    has_error = source.random(NUM_TRACES) < 0.3
    feared = np.clip(0.6 * has_error + 0.4 * source.random(NUM_TRACES), 0, 1)
    need = feared * (1 - feared)
    probabilities = np.clip(rate * (0.5 + 0.5 * need / need.mean()), 0, 1)
    picked = np.flatnonzero(source.random(NUM_TRACES) < probabilities).tolist()
    return RatedErrors(
        {trace: float(has_error[trace]) for trace in picked},
        {trace: float(probabilities[trace]) for trace in picked},
        {trace: float(feared[trace]) for trace in range(NUM_TRACES)},
    )


def with_gold_and_strays(people: PeopleInput) -> PeopleInput:
    """Five traces are gold, five were rated but never handed out, and five scored by no judge."""
    gold = {trace: dataclasses.replace(people.facts[trace], gold=(True,) * 6) for trace in range(5)}
    return dataclasses.replace(
        people,
        facts={**people.facts, **gold},
        selected=[one for one in people.selected if one.trace >= 10],
        scores=[one for one in people.scores if not 10 <= one.trace < 15],
    )


def test_with_all_that_is_there_the_width_is_the_published_one() -> None:
    people = with_gold_and_strays(make_people(80, num_raters=1))

    published = report_agreement(people).errors_everywhere
    width = promise_width(people)

    assert published is not None
    assert width is not None
    assert published.num_labelled == width.now.num_traces == 65
    assert width.now.value == pytest.approx(published.high - published.low, abs=1e-12)
    assert width.now.low == pytest.approx(width.now.high)


def test_several_raters_of_a_trace_count_by_their_share_in_both() -> None:
    people = make_people(60, num_raters=3)

    published = report_agreement(people).errors_everywhere
    width = promise_width(people)

    assert published is not None
    assert width is not None
    assert width.now.value == pytest.approx(published.high - published.low, abs=1e-12)


def test_the_authors_package_gives_the_width_that_is_promised_for_now() -> None:
    people = make_people(80, num_raters=1)
    errors = collect_errors(group_by_trace(people.ratings), people.scores, people.selected)

    width = promise_width(people)
    low, high = ppi_mean_ci(
        np.array(list(errors.shares.values())),
        np.array([errors.predictions[trace] for trace in errors.shares]),
        np.array(list(errors.predictions.values())),
        alpha=0.05,
        w=1 / np.array(list(errors.probabilities.values())),
    )

    assert width is not None
    assert width.now.value == pytest.approx(float((high - low)[0]))


def test_what_is_promised_is_near_what_more_labels_leave() -> None:
    """Drawn half by need: after twice and four times as many ratings the interval is about as wide as was promised."""
    promised, left, unweighted = np.zeros((20, 2)), np.zeros((20, 2)), np.zeros(20)
    for seed in range(20):
        source = np.random.default_rng(seed)
        errors = draw_by_need(source, 0.02)
        words = dict.fromkeys(errors.shares, PeoplesWord((True,), -1))
        found = measure_label_value(MergeInput(traces=[]), words, errors, num_repeats=6).interval_width
        assert found is not None
        promised[seed] = [found.ahead[1].value, found.ahead[3].value]
        plain = dataclasses.replace(errors, probabilities=dict.fromkeys(errors.shares, 1.0)).estimate()
        assert plain is not None
        unweighted[seed] = (plain.high - plain.low) / found.now.value
        for place, rate in enumerate((0.04, 0.08)):
            later = draw_by_need(source, rate).estimate()
            assert later is not None
            left[seed, place] = later.high - later.low

    assert promised.mean(axis=0) == pytest.approx(left.mean(axis=0), rel=0.06)
    assert abs(unweighted.mean() - 1.0) > 0.1  # without the weights another width would be promised


def test_traces_without_a_probability_or_a_prediction_are_left_out() -> None:
    ratings = group_by_trace([BlindRating(trace, 1, (1, -1), 1) for trace in (1, 2, 3)])
    scores = [Scores(trace, 1, (0.9, 0.3)) for trace in (1, 2, 4)]

    errors = collect_errors(ratings, scores, [Selected(1, 0.2), Selected(3, 0.2), Selected(4, 0.5)])

    assert errors == RatedErrors({1: 1.0}, {1: 0.2}, {1: 0.7, 2: 0.7, 4: 0.7})
    assert predict_errors(scores) == errors.predictions
    assert errors.estimate() is None
