"""Prediction-powered means, held against ppi-python, against a case by hand, and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

from annotation.measuring.prediction_powered import estimate_mean


def draw_world(seed: int, *, num: int = 60, skill: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions of the labelled, predictions of all; `skill`: how far predictions follow the labels."""
    source = np.random.default_rng(seed)
    truth = (source.random(900) < 0.3).astype(float)
    predictions = np.clip(skill * truth + (1 - skill) * source.random(900), 0, 1)
    return truth[:num], predictions[:num], predictions


@pytest.mark.parametrize("skill", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_the_authors_package_says_the_same(skill: float, is_weighted: bool) -> None:
    labels, predictions, everything = draw_world(3, skill=skill)
    probabilities = np.random.default_rng(4).uniform(0.05, 0.9, size=len(labels)) if is_weighted else None
    weights = None if probabilities is None else 1.0 / probabilities

    ours = estimate_mean(labels, predictions, everything, probabilities=probabilities)
    low, high = ppi_mean_ci(labels, predictions, everything, alpha=0.05, w=weights)

    assert ours is not None
    assert ours.value == pytest.approx(
        float(ppi_mean_pointestimate(labels, predictions, everything, w=weights)[0]), abs=1e-9
    )
    assert (ours.low, ours.high) == (pytest.approx(float(low[0])), pytest.approx(float(high[0])))


def test_useless_predictions_are_left_out_and_cost_nothing() -> None:
    labels = np.tile([0.0, 1.0], 10)

    found = estimate_mean(labels, np.full(20, 0.5), np.full(100, 0.5))

    assert found is not None
    assert (found.trust, found.value) == (0.0, 0.5)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * 0.5 / np.sqrt(20))


def test_perfect_predictions_are_as_good_as_labels() -> None:
    labels, _, everything = draw_world(5, skill=1.0)

    found = estimate_mean(labels, labels, everything)
    people_alone = estimate_mean(labels, np.zeros(len(labels)), np.zeros(900))

    assert found is not None
    assert people_alone is not None
    assert found.trust > 0.9
    assert found.value == pytest.approx(everything.mean(), abs=0.02)
    assert found.high - found.low < 0.5 * (people_alone.high - people_alone.low)


def test_weights_undo_a_selection_of_the_worst() -> None:
    """Traces with an error were four times as likely to be rated; the plain mean is far off, the weighted isn't."""
    source = np.random.default_rng(6)
    truth = (source.random(4000) < 0.2).astype(float)
    probabilities = np.where(truth > 0, 0.4, 0.1)
    picked = source.random(4000) < probabilities

    found = estimate_mean(
        truth[picked], np.zeros(picked.sum()), np.zeros(4000), probabilities=probabilities[picked]
    )

    assert found is not None
    assert truth[picked].mean() > 0.4
    assert found.low < 0.2 < found.high
    assert found.num_effective < found.num_labelled


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(200):
        labels, predictions, everything = draw_world(seed, num=80, skill=0.7)
        found = estimate_mean(labels, predictions, everything)
        assert found is not None
        inside += found.low <= 0.3 <= found.high

    assert inside >= 0.9 * 200


def test_nine_rated_traces_say_nothing() -> None:
    assert estimate_mean([1.0] * 9, [0.5] * 9, [0.5] * 50) is None
    assert estimate_mean([1.0] * 10, [0.5] * 10, []) is None


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_that_are_all_the_same_make_nothing_certain(label: float) -> None:
    found = estimate_mean([label] * 12, [0.4] * 12, [0.4] * 100)

    assert found is not None
    assert found.value == label
    beyond = 1 - 0.025 ** (1 / 12)  # Clopper & Pearson at none or all of twelve
    assert (found.low, found.high) == pytest.approx((0, beyond) if label == 0 else (1 - beyond, 1))
