"""Models of leaving a state: standardised, cross-fitted, never sure."""

import numpy as np
import pytest

from annotation.merging.chain import Floats, Ints
from annotation.merging.data import TransitionModel
from annotation.merging.transitions import (
    FLOOR,
    constant_model,
    fit_transition,
    predict_transition,
    scale_features,
    standardise_over,
)

NAMES = ((), ("x", "flat"))


def draw(seed: int = 0, size: int = 300) -> tuple[Floats, Floats, Ints]:
    random = np.random.default_rng(seed)
    features = np.stack([random.normal(3.0, 2.0, size), np.full(size, 0.3)], axis=1)
    events = (random.random(size) < 1.0 / (1.0 + np.exp(4.0 - features[:, 0]))).astype(np.float64)
    return features, events, np.arange(size) % 5


def fit(features: Floats, events: Floats, folds: Ints) -> tuple[TransitionModel, Floats]:
    standard = standardise_over(features, np.ones(len(features)))
    scaled = scale_features(features, standard.means, standard.scales)
    return fit_transition(NAMES, standard, scaled, (events, 1.0 - events), folds), scaled


def test_a_constant_model_says_the_same_everywhere() -> None:
    p = predict_transition(constant_model(0.07), np.zeros((3, 0)), np.array([-1, 0, 4]))

    np.testing.assert_allclose(p, 0.07)


def test_a_prediction_for_a_fold_does_not_depend_on_that_folds_answers() -> None:
    features, events, folds = draw()
    changed = np.where(folds == 2, 1.0 - events, events)

    (model, scaled), (other, _) = fit(features, events, folds), fit(features, changed, folds)

    held_out, rest = np.full(300, 2), np.full(300, -1)
    np.testing.assert_allclose(
        predict_transition(model, scaled, held_out), predict_transition(other, scaled, held_out), rtol=1e-6
    )
    assert not np.allclose(predict_transition(model, scaled, rest), predict_transition(other, scaled, rest))


def test_a_constant_feature_gets_no_coefficient() -> None:
    model, _ = fit(*draw())

    assert {row[1] for row in model.coefficients} == {0.0}
    assert model.coefficients[-1][0] > 0.5
    assert len(model.intercepts) == 6


def test_an_unknown_feature_counts_as_the_average() -> None:
    features, events, folds = draw()
    features[:10, 0] = np.nan

    _, scaled = fit(features, events, folds)

    assert scaled[:10, 0].tolist() == [0.0] * 10
    assert scaled[10:, 0].mean() == pytest.approx(0.0, abs=1e-9)
    assert scaled[10:, 0].std() == pytest.approx(1.0)


def test_standards_weigh_steps_by_how_much_they_are_at_risk() -> None:
    standard = standardise_over(np.array([[0.0], [10.0], [99.0]]), np.array([3.0, 1.0, 0.0]))

    assert standard.means[0] == pytest.approx(2.5)
    assert standard.scales[0] == pytest.approx(np.sqrt(0.75 * 2.5**2 + 0.25 * 7.5**2))


def test_a_feature_that_is_never_known_is_left_out() -> None:
    standard = standardise_over(np.array([[np.nan], [np.nan]]), np.ones(2))

    assert standard.varies.tolist() == []
    assert scale_features(np.array([[np.nan]]), standard.means, standard.scales).tolist() == [[0.0]]


def test_no_prediction_is_ever_certain() -> None:
    model = TransitionModel((), ("x",), (0.0,), (1.0,), (0.0,), ((100.0,),))

    p = predict_transition(model, np.array([[-9.0], [9.0]]), np.array([-1, -1]))

    assert p.tolist() == [FLOOR, 1.0 - FLOOR]
