"""The soft-target logistic regression against scikit-learn's, and the symmetry the merge needs from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from annotation.merging.chain import Floats
from annotation.merging.logistic import ROWS_A_CHUNK, fit_logistic


def draw_rows(seed: int, size: int = 400, width: int = 3) -> tuple[Floats, Floats, Floats]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(size, width))
    chance = 1.0 / (1.0 + np.exp(2.0 - features @ random.normal(size=width)))
    at_risk = random.uniform(0.0, 1.0, size)
    return features, at_risk * chance, at_risk * (1.0 - chance)


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_what_scikit_learn_finds_on_doubled_rows(seed: int) -> None:
    features, events, others = draw_rows(seed)

    theta = fit_logistic(features, events, others)

    reference = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(
        np.concatenate([features, features]),
        np.repeat([1, 0], len(features)),
        sample_weight=np.concatenate([events, others]),
    )
    np.testing.assert_allclose(theta[:-1], reference.coef_[0], atol=1e-6)
    assert theta[-1] == pytest.approx(reference.intercept_[0], abs=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_a_column_with_its_sign_turned_gets_its_coefficient_turned(seed: int, column: int) -> None:
    features, events, others = draw_rows(seed, size=60)
    turned = features.copy()
    turned[:, column] *= -1.0

    theta, mirrored = fit_logistic(features, events, others), fit_logistic(turned, events, others)

    mirrored[column] *= -1.0
    np.testing.assert_allclose(theta, mirrored, atol=1e-10)


def test_a_warm_start_ends_where_a_cold_one_does() -> None:
    features, events, others = draw_rows(3)

    warm = fit_logistic(features, events, others, start=np.array([3.0, -3.0, 3.0, 1.0]))

    np.testing.assert_allclose(warm, fit_logistic(features, events, others), atol=1e-9)


def test_rows_beyond_one_chunk_count_as_much_as_the_first() -> None:
    features, events, others = draw_rows(4, size=ROWS_A_CHUNK + 500, width=2)

    theta = fit_logistic(features, events, others)

    p = 1.0 / (1.0 + np.exp(-(features @ theta[:-1] + theta[-1])))
    gradient = features.T @ ((events + others) * p - events) + theta[:-1]
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_perfectly_separated_rows_still_have_an_answer() -> None:
    features = np.array([[-1.0], [-0.5], [0.5], [1.0]]) * 1000.0
    events = np.array([0.0, 0.0, 1.0, 1.0])

    theta = fit_logistic(features, events, 1.0 - events)

    assert np.isfinite(theta).all()
    assert theta[0] > 0.0


def test_without_features_it_finds_the_base_rate() -> None:
    theta = fit_logistic(np.zeros((10, 0)), np.full(10, 0.2), np.full(10, 0.8))

    assert theta[0] == pytest.approx(np.log(0.25))
