"""Bootstrap over groups: what it is held against, and when it gives no interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap

from rl_bridge.evaluating import intervals


def test_a_mean_has_the_interval_that_scipy_gives_it() -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, 200)

    found = intervals.bootstrap_mean(values.tolist())

    known = scipy_bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1))
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(known.confidence_interval.low, abs=0.02)
    assert found.high == pytest.approx(known.confidence_interval.high, abs=0.02)
    assert found.num_groups == 200


def test_the_same_values_have_the_same_interval_every_time() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0, 0.5]

    assert intervals.bootstrap_mean(values) == intervals.bootstrap_mean(values)


def test_rows_of_one_group_are_drawn_together() -> None:
    apart = intervals.bootstrap_mean([0.0, 1.0] * 20)
    sums = intervals.sum_groups([i // 2 for i in range(40)], [(i % 2, 1.0) for i in range(40)], 2)
    together = intervals.bootstrap(sums, intervals.mean_of_sums)

    assert sums.shape == (20, 2)
    assert (together.value, together.low) == (0.5, None)  # each group says one half, as does every resample
    assert apart.low is not None
    assert apart.low < 0.4


def test_groups_of_unlike_size_count_by_their_rows() -> None:
    sums = intervals.sum_groups(["a", "a", "a", "b"], [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (0.0, 1.0)], 2)

    assert intervals.bootstrap(sums, intervals.mean_of_sums).value == pytest.approx(0.75)


def test_few_groups_have_a_value_and_no_interval() -> None:
    found = intervals.bootstrap_mean([1.0, 0.0, 1.0, 1.0])

    assert (found.value, found.low, found.high, found.num_groups) == (0.75, None, None, 4)
    assert str(found) == "0.750"
    assert not found.excludes_zero


def test_nothing_has_no_value() -> None:
    assert intervals.bootstrap_mean([]) == intervals.Estimate(None, None, None, 0)
    assert str(intervals.bootstrap_mean([])) == "—"


def test_a_measure_that_most_resamples_cannot_tell_has_no_interval() -> None:
    # One group in ten has something to divide by: a third of the resamples have nothing.
    sums = np.zeros((10, 2))
    sums[0] = (1.0, 1.0)

    found = intervals.bootstrap(sums, intervals.mean_of_sums)

    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_a_measure_that_cannot_be_told_at_all_has_no_value() -> None:
    assert intervals.bootstrap(np.zeros((10, 2)), intervals.mean_of_sums).value is None


@pytest.mark.parametrize(
    ("low", "high", "answer"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 0.1, False)]
)
def test_an_interval_excludes_zero_where_all_of_it_lies_on_one_side(
    low: float, high: float, answer: bool
) -> None:
    assert intervals.Estimate(0.1, low, high, 50).excludes_zero is answer


def test_a_paired_difference_forgets_what_makes_prompts_hard() -> None:
    hardness = np.random.default_rng(0).uniform(0.0, 0.8, 100)

    gain = np.random.default_rng(1).normal(0.1, 0.01, 100)

    found = intervals.bootstrap_difference((hardness + gain).tolist(), hardness.tolist())

    assert found.value == pytest.approx(0.1, abs=0.01)
    assert found.excludes_zero
    assert found.low == pytest.approx(0.1, abs=0.01)


def test_a_difference_of_unlike_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        intervals.bootstrap_difference([1.0], [1.0, 2.0])


@settings(deadline=None)  # a thousand resamples on a busy machine
@given(st.lists(st.floats(0, 1), min_size=5, max_size=30))
def test_an_interval_of_means_lies_within_the_values(values: list[float]) -> None:
    found = intervals.bootstrap_mean(values)

    if found.low is None or found.high is None:
        assert max(values) - min(values) < 1e-9  # all resamples said the same
        return
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
