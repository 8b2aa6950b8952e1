"""Calibration, and the confident who are wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_bridge.evaluating import confidence
from rl_bridge.evaluating.confidence import Claim


def claims(*pairs: tuple[float, bool]) -> list[Claim]:
    return [Claim(probability, is_right, i) for i, (probability, is_right) in enumerate(pairs)]


def test_the_error_is_the_gap_in_each_bin_weighted_by_its_claims() -> None:
    found = confidence.measure_confidence(claims((0.95, True), (0.95, False), (0.1, False), (0.1, False)))

    # Upper bin: |1/2 − 0.95| for half of the claims; lower bin: |0 − 0.1| for the other half.
    assert found.ece.value == pytest.approx(0.5 * 0.45 + 0.5 * 0.1)
    assert found.overconfidence.value == pytest.approx((0.95 * 2 + 0.1 * 2) / 4 - 1 / 4)
    assert [(each.num_claims, each.share_right) for each in found.bins] == [(2, 0.0), (2, 0.5)]


def test_over_and_under_within_one_bin_cancel_but_not_between_bins() -> None:
    # As in the paper's equation: the gap is taken of means within a bin.
    assert confidence.measure_confidence(claims((0.5, True), (0.5, False))).ece.value == pytest.approx(0.0)


def test_the_confident_wrong_are_counted_among_the_confident() -> None:
    found = confidence.measure_confidence(claims((0.9, False), (0.99, True), (0.89, False), (0.91, True)))

    assert found.confident_wrong.value == pytest.approx(1 / 3)
    assert (found.num_confident, found.num_claims) == (3, 4)


def test_where_nothing_is_said_confidently_no_share_is_told() -> None:
    found = confidence.measure_confidence(claims((0.5, True)))

    assert found.confident_wrong.value is None
    assert found.num_confident == 0


def test_a_probability_of_one_has_a_place() -> None:
    assert confidence.measure_confidence(claims((1.0, True), (0.0, False))).ece.value == pytest.approx(0.0)


def test_no_claims_have_no_figures() -> None:
    found = confidence.measure_confidence([])

    assert found.ece.value is None
    assert found.bins == ()


@settings(deadline=None)  # a thousand resamples on a busy machine
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_error_is_that_of_a_plain_loop(pairs: list[tuple[float, bool]]) -> None:
    expected = 0.0
    places = [min(int(p * confidence.NUM_BINS), confidence.NUM_BINS - 1) for p, _ in pairs]
    for place in set(places):
        inside = [pair for pair, at in zip(pairs, places, strict=True) if at == place]
        gap = abs(np.mean([p for p, _ in inside]) - np.mean([right for _, right in inside]))
        expected += len(inside) / len(pairs) * gap

    assert confidence.measure_confidence(claims(*pairs)).ece.value == pytest.approx(expected, abs=1e-9)


def test_a_calibrated_judge_has_a_small_error_and_an_overconfident_one_a_large_one() -> None:
    source = np.random.default_rng(0)
    truth = source.uniform(0.05, 0.95, 4_000)
    right = source.random(4_000) < truth
    honest = confidence.measure_confidence(claims(*zip(truth.tolist(), right.tolist(), strict=True)))
    loud = confidence.measure_confidence(
        claims(*zip(np.where(truth > 0.5, 0.99, 0.5).tolist(), right.tolist(), strict=True))
    )

    assert honest.ece.value is not None
    assert loud.ece.value is not None
    assert honest.ece.value < 0.03 < 0.15 < loud.ece.value
    assert loud.overconfidence.excludes_zero
