"""The bootstrap over traces: what it draws, when it says nothing, and that its intervals are as wide."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.measuring.resampling import Estimate, divide, draw_weights, estimate, summarise


def mean_of(values: np.ndarray, **options: object) -> Estimate:
    sums = np.stack([values, np.ones(len(values))], axis=1)
    return estimate(sums, lambda drawn: divide(drawn[:, 0], drawn[:, 1]), **options)  # type: ignore[arg-type]


def test_every_resample_draws_as_many_traces_as_there_are() -> None:
    weights = np.concatenate(list(draw_weights(37, 300)))

    assert weights.shape == (300, 37)
    assert (weights.sum(axis=1) == 37).all()
    assert weights.mean() == pytest.approx(1.0)


def test_resamples_are_the_same_every_time_and_in_chunks() -> None:
    first = np.concatenate(list(draw_weights(5, 50)))
    again = np.concatenate(list(draw_weights(5, 50)))

    assert (first == again).all()
    assert len(list(draw_weights(100_000, 100))) > 1


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    half = 1.96 * values.std() / 20

    found = mean_of(values)

    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_nothing_is_said_of_nine_traces() -> None:
    assert mean_of(np.arange(9.0)) == Estimate(None, None, None, 9)
    assert mean_of(np.arange(10.0)).value == 4.5


def test_only_the_traces_a_measure_rests_on_count() -> None:
    counts = np.arange(30) < 12

    assert mean_of(np.where(counts, 1.0, 5.0) + np.arange(30) / 100, counts=counts).num_traces == 12


@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.782, 1.0), (0.0, 0.0, 0.218)])
def test_a_share_of_all_or_none_is_not_certain(value: float, low: float, high: float) -> None:
    # Clopper and Pearson's interval of 15 of 15: from 0.025^(1/15) on.
    found = mean_of(np.full(15, value), is_share=True)

    assert (found.low, found.high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


def test_what_is_no_share_has_no_interval_where_nothing_varies() -> None:
    assert mean_of(np.full(15, 1.0)) == Estimate(1.0, None, None, 15)


def test_a_measure_that_mostly_says_nothing_has_no_interval() -> None:
    resampled = np.where(np.arange(100) < 20, np.nan, np.arange(100) / 100)

    assert summarise(0.5, resampled, 40) == Estimate(0.5, None, None, 40)
    assert summarise(float("nan"), resampled, 40) == Estimate(None, None, None, 40)


def test_nothing_divided_by_nothing_is_nothing() -> None:
    assert np.isnan(divide(np.array([0.0, 1.0]), np.array([0.0, 2.0]))).tolist() == [True, False]
