"""A simulated rater is a program with known faults."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.rating import check_labels
from annotation.rules.simulated_rater import SimulatedRater, guess_first_error

PERFECT = SimulatedRater(sensitivity=1.0, false_alarm=0.0, neutral=0.0)


@pytest.mark.parametrize(
    ("arithmetic", "is_answer_correct", "expected"),
    [
        ([1.0, 0.0, 0.0], True, 1),
        ([1.0, None, 1.0], False, 2),
        ([1.0, None, 1.0], True, None),
        ([None, None], None, None),
        ([], False, None),
    ],
)
def test_the_first_failed_equation_is_taken_for_the_first_error_and_else_a_wrong_end(
    arithmetic: list[float | None], is_answer_correct: bool | None, expected: int | None
) -> None:
    assert guess_first_error(arithmetic, is_answer_correct) == expected


def test_a_faultless_simulated_rater_stops_at_the_first_error() -> None:
    assert PERFECT.rate([1.0, 0.0, None], False, random.Random(0)) == (1, -1, None)


def test_a_blind_simulated_rater_finds_nothing() -> None:
    blind = SimulatedRater(sensitivity=0.0, false_alarm=0.0, neutral=0.0)

    assert blind.rate([1.0, 0.0, None], False, random.Random(0)) == (1, 1, 1)


def test_a_step_without_an_equation_may_be_neutral_and_one_with_never_is() -> None:
    hesitant = SimulatedRater(sensitivity=1.0, false_alarm=0.0, neutral=1.0)

    assert hesitant.rate([1.0, None, 1.0], True, random.Random(0)) == (1, 0, 1)


def test_one_that_is_swayed_follows_the_scores_it_is_shown_and_is_itself_without_them() -> None:
    swayed = SimulatedRater(sensitivity=1.0, false_alarm=0.0, neutral=0.0, swayed=1.0)
    shown = [0.2, 0.9, 0.9]

    assert swayed.rate([1.0, 0.0, None], False, random.Random(0), shown=shown) == (-1, None, None)
    assert swayed.rate([1.0, 0.0, None], False, random.Random(0)) == (1, -1, None)
    assert PERFECT.rate([1.0, 0.0, None], False, random.Random(0), shown=shown) == (1, -1, None)


@given(
    arithmetic=st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=8),
    is_answer_correct=st.none() | st.booleans(),
    rater=st.builds(SimulatedRater, *[st.floats(0, 1)] * 4),
    seed=st.integers(0, 2**31),
)
def test_what_it_says_is_always_a_complete_rating_and_the_same_for_the_same_seed(
    arithmetic: list[float | None], is_answer_correct: bool | None, rater: SimulatedRater, seed: int
) -> None:
    labels = rater.rate(arithmetic, is_answer_correct, random.Random(seed))

    check_labels(labels, len(arithmetic), stop_at_first_error=True)
    assert labels == rater.rate(arithmetic, is_answer_correct, random.Random(seed))
