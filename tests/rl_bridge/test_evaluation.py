"""The figures that describe a process reward model."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rl_bridge import evaluation, prm
from rl_bridge.data import StepwiseRow
from tests.rl_bridge.test_prm import write_prm

SCORED = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), min_size=2, max_size=40
)


@given(SCORED)
def test_auc_is_sklearns_also_with_ties(pairs: list[tuple[int, float]]) -> None:
    labels, scores = [label for label, _ in pairs], [score for _, score in pairs]
    found = evaluation.measure_scores(labels, scores)

    if 0 < sum(labels) < len(labels):
        assert found["auc"] == pytest.approx(roc_auc_score(labels, scores))
    else:
        assert "auc" not in found


def test_accuracy_is_balanced_over_classes() -> None:
    found = evaluation.measure_scores([1, 1, 1, 0], [0.9, 0.8, 0.2, 0.1])

    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert (found["num_steps"], found["standing_share"]) == (4.0, 0.75)


def test_a_score_of_one_half_says_that_the_step_stands() -> None:
    assert evaluation.measure_scores([1], [0.5])["accuracy"] == 1.0
    assert evaluation.measure_scores([0], [0.5])["accuracy"] == 0.0


def test_without_labels_there_are_no_figures() -> None:
    assert evaluation.measure_scores([], []) == {}


def test_masked_steps_and_traces_that_do_not_fit_are_left_out(tiny_llama: Path, tmp_path: Path) -> None:
    opened = prm.load_prm(write_prm(tmp_path / "prm", tiny_llama), device="cpu")
    rows = [
        StepwiseRow(prompt="p", steps=("a", "b"), labels=(1, -100), probabilities=(0.9, 0.5)),
        StepwiseRow(prompt="p", steps=("x" * 500,), labels=(0,), probabilities=(0.1,)),
    ]

    found = evaluation.measure_steps(opened, rows, prefix="test")

    assert found["test_num_steps"] == 1.0
