"""What a rating may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.rating import (
    Incomplete,
    InvalidLabels,
    JudgedAfterFirstError,
    Label,
    OutOfRange,
    WrongLength,
    check_draft,
    check_labels,
    first_error,
    is_complete,
    verdict,
)

labels_strategy = st.lists(st.sampled_from([-1, 0, 1, None]), max_size=8)


@pytest.mark.parametrize(
    ("labels", "stop"),
    [
        ([1, 0, -1, None], True),
        ([1, 1, 1], True),
        ([-1, None], True),
        ([1, -1, 1, -1], False),
        ([], True),
        ([-1], False),
    ],
)
def test_a_complete_rating_passes(labels: list[Label], stop: bool) -> None:
    check_labels(labels, len(labels), stop)


@pytest.mark.parametrize("length", [0, 2, 4])
def test_one_label_for_each_step_and_no_other_number(length: int) -> None:
    with pytest.raises(WrongLength, match="3 steps"):
        check_labels([1] * length, 3, True)


@pytest.mark.parametrize("label", [2, -2, 0.5, True, False, "1", 1.0])
def test_only_the_three_values_are_labels(label: object) -> None:
    with pytest.raises(OutOfRange, match="Step 2"):
        check_labels([1, label], 2, True)  # type: ignore[list-item]


def test_nothing_is_judged_after_the_first_error_where_the_project_stops_there() -> None:
    with pytest.raises(JudgedAfterFirstError, match="Step 4"):
        check_labels([1, -1, None, 0], 4, True)


def test_a_step_left_out_makes_a_rating_incomplete() -> None:
    with pytest.raises(Incomplete, match="Step 2"):
        check_labels([1, None, -1], 3, True)
    with pytest.raises(Incomplete, match="Step 3"):
        check_labels([1, -1, None], 3, False)


def test_a_draft_may_be_incomplete_but_not_wrong() -> None:
    check_draft([None, 1, None], 3, True)
    with pytest.raises(JudgedAfterFirstError):
        check_draft([-1, 1], 2, True)


@given(labels_strategy, st.booleans())
def test_labels_pass_exactly_when_the_draft_passes_and_is_complete(labels: list[Label], stop: bool) -> None:
    try:
        check_draft(labels, len(labels), stop)
        expected = is_complete(labels, stop)
    except InvalidLabels:
        expected = False

    try:
        check_labels(labels, len(labels), stop)
        passed = True
    except InvalidLabels:
        passed = False

    assert passed == expected


@given(labels_strategy)
def test_the_first_error_is_bad_and_nothing_before_it_is(labels: list[Label]) -> None:
    error = first_error(labels)

    assert verdict(labels) == (error is not None) == (-1 in labels)
    if error is not None:
        assert labels[error] == -1
        assert -1 not in labels[:error]


@given(labels_strategy)
def test_what_is_complete_without_stopping_is_complete_with_it(labels: list[Label]) -> None:
    assert not is_complete(labels, False) or is_complete(labels, True)
