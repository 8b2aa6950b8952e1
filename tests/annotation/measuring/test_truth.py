"""What people say of a trace, by hand."""

from __future__ import annotations

import pytest

from annotation.measuring.truth import PeoplesWord, hear_people

GOOD = (1, 1, 1)
SECOND_BAD = (1, -1, None)
LAST_BAD = (1, 0, -1)


@pytest.mark.parametrize(
    ("ratings", "stands", "first_error"),
    [
        ([GOOD], (True, True, True), -1),
        ([SECOND_BAD], (True, False, None), 1),
        ([GOOD, SECOND_BAD], (True, None, None), None),  # split at step 2: nothing is known from there on
        ([GOOD, SECOND_BAD, SECOND_BAD], (True, False, None), 1),
        ([GOOD, GOOD, SECOND_BAD], (True, True, True), -1),
        ([GOOD, LAST_BAD, SECOND_BAD], (True, True, None), None),
        ([(0, 0, 0)], (True, True, True), -1),  # neutral steps stand
    ],
)
def test_the_majority_of_blind_raters_speaks(
    ratings: list[tuple[int | None, ...]], stands: tuple[bool | None, ...], first_error: int | None
) -> None:
    assert hear_people(ratings, None) == PeoplesWord(stands, first_error)


def test_gold_speaks_louder_than_raters_and_up_to_its_first_error() -> None:
    assert hear_people([GOOD, GOOD], (True, False, False)) == PeoplesWord((True, False, None), 1)
    assert hear_people([], (True, True)) == PeoplesWord((True, True), -1)


def test_without_ratings_and_gold_people_say_nothing() -> None:
    assert hear_people([], None) is None
