"""Figures: a value with its interval and what it rests on, or why there is none."""

from __future__ import annotations

import pytest

from annotation.measuring.resampling import Estimate
from annotation.views.figures import Figure, chart_estimate, count, describe, show_estimate


def test_a_share_is_shown_in_per_cent_with_its_interval() -> None:
    found = show_estimate("Agreed", Estimate(0.834, 0.7, 0.9, 1200))

    assert found == Figure("Agreed", "83 %", "70 % to 90 %", "1,200 traces")


def test_a_coefficient_keeps_two_decimals_and_may_be_negative() -> None:
    found = show_estimate("Alpha", Estimate(-0.05, -0.2, 0.1, 30), "number")

    assert (found.value, found.interval) == ("-0.05", "-0.20 to 0.10")


def test_without_an_interval_there_is_none() -> None:
    assert show_estimate("Alpha", Estimate(1.0, None, None, 30), "number").interval == ""


@pytest.mark.parametrize(
    ("num_traces", "basis"),
    [(0, "0 traces; 10 are needed"), (1, "1 trace; 10 are needed"), (30, "30 traces: too little to say")],
)
def test_what_is_not_known_says_why(num_traces: int, basis: str) -> None:
    found = show_estimate("Agreed", Estimate(None, None, None, num_traces))

    assert found == Figure("Agreed", "–", "", basis)


def test_a_chart_is_given_the_same_numbers_and_a_basis() -> None:
    one = chart_estimate("model", Estimate(0.5, 0.4, 0.6, 12))

    assert (one.label, one.value, one.low, one.high, one.basis) == ("model", 0.5, 0.4, 0.6, "12 traces")
    assert chart_estimate("model", Estimate(0.5, 0.4, 0.6, 12), "3 raters").basis == "3 raters"


def test_a_sentence_names_what_is_known_alone() -> None:
    known = chart_estimate("a", Estimate(0.5, 0.4, 0.6, 12))
    unknown = chart_estimate("b", Estimate(None, None, None, 2))

    assert describe([known, unknown], "Agreed") == "Agreed: a 50 %."
    assert describe([unknown], "Agreed") == "Agreed: too little to say."


def test_numbers_go_with_their_nouns() -> None:
    assert (count(1, "trace"), count(0, "trace"), count(12345, "trace")) == (
        "1 trace",
        "0 traces",
        "12,345 traces",
    )
