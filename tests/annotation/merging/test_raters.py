"""Rater matrices: the crew's prior, each rater's pull towards it, and Bayes' rule by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.merging.chain import Beliefs, Floats, forward_backward, pack
from annotation.merging.corpus import Labels
from annotation.merging.raters import (
    CREW_STRENGTH,
    PRIOR,
    PRIOR_STRENGTH,
    count_labels,
    fit_crew,
    fit_raters,
    report_raters,
    weigh_evidence,
)


def label_rows(*rows: tuple[int, int, int]) -> Labels:
    """Labels from (step, rater, label) triples."""
    steps, raters, labels = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Labels(steps, raters, labels + 1)


def known(states: list[int]) -> Beliefs:
    """Beliefs that are sure of each step's state (0, 1, 2 for R, E, A)."""
    one = np.eye(3)[states]
    return Beliefs(one[:, 0], one[:, 1], np.zeros(len(states)), one[:, 2])


def reliability(sensitivity: float, false_alarm: float) -> Floats:
    return np.array(
        [[[false_alarm, 0.1, 0.9 - false_alarm], [sensitivity, 0.1, 0.9 - sensitivity], [0.3, 0.2, 0.5]]]
    )


@given(st.floats(0.1, 0.85), st.floats(0.01, 0.5), st.floats(0.01, 0.5), st.sampled_from([-1, 0, 1]))
def test_one_rater_of_known_reliability_gives_bayes_rule(
    sensitivity: float, false_alarm: float, hazard: float, label: int
) -> None:
    matrix = reliability(sensitivity, false_alarm)

    evidence = weigh_evidence(label_rows((0, 0, label)), matrix, num_steps=1)
    beliefs, _ = forward_backward(pack(np.array([1])), np.array([hazard]), np.zeros(1), evidence)

    stands = (1.0 - hazard) * matrix[0, 0, label + 1]
    errs = hazard * matrix[0, 1, label + 1]
    assert beliefs.stands[0] == pytest.approx(stands / (stands + errs))


def test_one_rater_over_two_steps_gives_bayes_rule_over_the_three_cases() -> None:
    matrix, hazard = reliability(0.7, 0.05), 0.07

    evidence = weigh_evidence(label_rows((0, 0, 1), (1, 0, -1)), matrix, num_steps=2)
    beliefs, _ = forward_backward(pack(np.array([2])), np.full(2, hazard), np.zeros(2), evidence)

    no_error = 0.93 * 0.85 * 0.93 * 0.05
    second = 0.93 * 0.85 * 0.07 * 0.70
    first = 0.07 * 0.20 * 0.30
    total = no_error + second + first
    assert beliefs.stands[0] == pytest.approx((no_error + second) / total)
    assert beliefs.stands[1] == pytest.approx(no_error / total)


def test_a_step_nobody_judged_carries_no_evidence() -> None:
    evidence = weigh_evidence(label_rows((0, 0, -1)), reliability(0.7, 0.05), num_steps=3)

    assert [likelihood[1:].tolist() for likelihood in evidence] == [[0.0, 0.0]] * 3


def test_many_raters_on_one_step_do_not_underflow() -> None:
    rows = [(0, rater, -1) for rater in range(2_000)]

    evidence = weigh_evidence(
        label_rows(*rows), np.repeat(reliability(0.7, 0.05), 2_000, axis=0), num_steps=1
    )

    right, error, _ = (float(likelihood[0]) for likelihood in evidence)
    assert error - right == pytest.approx(2_000 * np.log(0.7 / 0.05))


def test_a_crew_without_labels_has_the_prior_matrix() -> None:
    np.testing.assert_allclose(fit_crew(np.zeros((0, 3, 3))), PRIOR)


def test_the_crew_pools_counts_on_top_of_twenty_labels_of_prior() -> None:
    counts = count_labels(label_rows((0, 0, -1), (1, 1, 1)), known([1, 1]), num_raters=2)

    crew = fit_crew(counts)

    np.testing.assert_allclose(
        crew[1], (PRIOR_STRENGTH * PRIOR[1] + [1.0, 0.0, 1.0]) / (PRIOR_STRENGTH + 2.0)
    )
    np.testing.assert_allclose(crew[0], PRIOR[0])


def test_a_rater_is_pulled_to_the_crew_with_ten_labels() -> None:
    counts = np.zeros((2, 3, 3))
    counts[0, 1] = [30.0, 0.0, 0.0]

    matrices = fit_raters(counts, PRIOR)

    assert matrices[0, 1, 0] == pytest.approx((30.0 + CREW_STRENGTH * 0.7) / (30.0 + CREW_STRENGTH))
    np.testing.assert_allclose(matrices[1], PRIOR)


def test_counts_are_shared_out_by_belief() -> None:
    half = Beliefs(np.array([0.5]), np.array([0.3]), np.array([0.1]), np.array([0.1]))

    counts = count_labels(label_rows((0, 0, 0)), half, num_raters=1)

    np.testing.assert_allclose(counts[0, :, 1], [0.6, 0.3, 0.1])
    assert counts.sum() == pytest.approx(1.0)


def test_sensitivity_and_specificity_come_with_intervals_that_narrow_with_labels() -> None:
    few, many = (
        label_rows(*[(step, 0, -1 if step % 2 else 1) for step in range(size)]) for size in (10, 400)
    )
    reports = [
        report_raters(("kim",), labels, count_labels(labels, known([s % 2 for s in range(size)]), 1), PRIOR)[
            0
        ]
        for labels, size in ((few, 10), (many, 400))
    ]

    for report in reports:
        assert report.sensitivity_interval[0] < report.sensitivity < report.sensitivity_interval[1]
        assert report.specificity_interval[0] < report.specificity < report.specificity_interval[1]
    assert reports[1].sensitivity == pytest.approx((200 + 7) / 210)
    assert reports[1].specificity == pytest.approx((200 + 9.5) / 210)
    assert np.ptp(reports[1].sensitivity_interval) < np.ptp(reports[0].sensitivity_interval)
    assert reports[0].num_labels == 10
