"""A decision keeps the rules of a rating, and says of every step whether it stands."""

from __future__ import annotations

import pytest

from annotation.rules.deciding import check_decision, decided_steps
from annotation.rules.rating import Incomplete, JudgedAfterFirstError, WrongLength


@pytest.mark.parametrize(
    ("labels", "stands"),
    [
        ((1, 0, 1), [True, True, True]),
        ((1, -1, None), [True, False, False]),
        ((-1, None, None), [False, False, False]),
        ((1, -1, 1), [True, False, True]),  # a project that goes on after an error: the step stands again
        ((1, -1, 0, None), [True, False, True, False]),
    ],
)
def test_what_rests_on_an_error_does_not_stand(labels: tuple[int | None, ...], stands: list[bool]) -> None:
    assert decided_steps(labels) == stands


@pytest.mark.parametrize(
    ("labels", "error"),
    [((1, None, 1), Incomplete), ((1, -1, 1), JudgedAfterFirstError), ((1, 1), WrongLength)],
)
def test_a_decision_keeps_the_rules_of_a_rating(
    labels: tuple[int | None, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        check_decision(labels, 3, stop_at_first_error=True)


def test_a_whole_decision_is_taken() -> None:
    check_decision((1, -1, None), 3, stop_at_first_error=True)
    check_decision((1, -1, 1), 3, stop_at_first_error=False)
