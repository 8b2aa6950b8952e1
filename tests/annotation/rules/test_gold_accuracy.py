"""Accuracy on gold: what counts as right, and how sure one can be of a share."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from annotation.rules.gold_accuracy import gold_accuracy, gold_first_error, is_below, is_right
from annotation.rules.rating import Labels


@pytest.mark.parametrize(
    ("labels", "stands", "right"),
    [
        ((1, 1, 1), (True, True, True), True),
        ((1, 0, 1), (True, True, True), True),  # a neutral step stands
        ((1, -1, None), (True, False, False), True),
        ((1, -1, 1), (True, False, False), True),  # what is behind the first error doesn't matter
        ((-1, None, None), (True, False, False), False),
        ((1, 1, -1), (True, False, False), False),
        ((1, 1, 1), (True, False, True), False),
        ((1, -1, None), (True, True, True), False),
    ],
)
def test_a_rating_is_right_where_its_first_error_is_golds(
    labels: Labels, stands: tuple[bool, ...], right: bool
) -> None:
    assert is_right(labels, stands) is right


def test_the_first_error_of_gold_is_the_first_step_that_does_not_stand() -> None:
    assert gold_first_error((True, False, True, False)) == 1
    assert gold_first_error((True, True)) is None


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts: tuple[int, int]) -> None:
    """As scipy computes it."""
    num_right, num_seen = counts
    expected = binomtest(num_right, num_seen).proportion_ci(confidence_level=0.95, method="wilson")

    accuracy = gold_accuracy(num_right=num_right, num_seen=num_seen)

    assert accuracy.rate == num_right / num_seen
    assert accuracy.low == pytest.approx(expected.low, abs=1e-12)
    assert accuracy.high == pytest.approx(expected.high, abs=1e-12)


def test_without_gold_nothing_is_known() -> None:
    accuracy = gold_accuracy(num_right=0, num_seen=0)

    assert (accuracy.rate, accuracy.low, accuracy.high) == (None, 0.0, 1.0)


@pytest.mark.parametrize(("num_right", "num_seen"), [(3, 2), (-1, 2)])
def test_counts_that_can_not_be_are_refused(num_right: int, num_seen: int) -> None:
    with pytest.raises(ValueError, match="can't be"):
        gold_accuracy(num_right=num_right, num_seen=num_seen)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_rate_lies_in_its_interval_and_the_interval_between_0_and_1(counts: tuple[int, int]) -> None:
    accuracy = gold_accuracy(num_right=counts[0], num_seen=counts[1])

    assert accuracy.rate is not None
    assert 0.0 <= accuracy.low <= accuracy.rate <= accuracy.high <= 1.0


def test_more_gold_makes_the_interval_narrower() -> None:
    widths = [
        accuracy.high - accuracy.low
        for accuracy in (gold_accuracy(num_right=7 * n, num_seen=10 * n) for n in (1, 2, 5, 20))
    ]

    assert all(wide > narrow for wide, narrow in pairwise(widths))


@pytest.mark.parametrize("truth", [0.6, 0.8, 0.95])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(truth: float) -> None:
    """Its exact coverage at 40 traces, over all outcomes, each with its binomial probability."""
    num_seen, covered = 40, 0.0
    for num_right in range(num_seen + 1):
        accuracy = gold_accuracy(num_right=num_right, num_seen=num_seen)
        if accuracy.low <= truth <= accuracy.high:
            covered += comb(num_seen, num_right) * truth**num_right * (1 - truth) ** (num_seen - num_right)

    assert covered == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize(
    ("num_right", "num_seen", "threshold", "below"),
    [
        (6, 10, 0.7, True),
        (7, 10, 0.7, False),  # at the threshold is not below it
        (0, 9, 0.7, False),  # the window is not full yet
        (0, 10, None, False),
    ],
)
def test_a_rater_is_paused_below_the_threshold_on_a_full_window(
    num_right: int, num_seen: int, threshold: float | None, below: bool
) -> None:
    accuracy = gold_accuracy(num_right=num_right, num_seen=num_seen)

    assert is_below(accuracy, threshold=threshold, window=10) is below
