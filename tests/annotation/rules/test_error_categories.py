"""Error categories: the list a project keeps, and what a rating may say of it."""

from __future__ import annotations

import pytest

from annotation.rules.error_categories import (
    DEFAULT_ERROR_CATEGORIES,
    MAX_CATEGORIES,
    MAX_CATEGORY_CHARACTERS,
    InvalidCategories,
    UnknownCategory,
    check_categories,
    counted_categories,
    parse_categories,
)


def test_the_default_list_can_be_typed_in_and_has_a_digit_for_each() -> None:
    assert parse_categories("\n".join(DEFAULT_ERROR_CATEGORIES)) == list(DEFAULT_ERROR_CATEGORIES)
    assert len(DEFAULT_ERROR_CATEGORIES) <= 9


def test_a_line_is_a_category_and_spaces_around_and_between_do_not_count() -> None:
    assert parse_categories("  Units \r\n\r\nOff  by\tone\n") == ["Units", "Off by one"]


def test_no_lines_are_no_categories() -> None:
    assert parse_categories(" \n\n") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Units\nunits", "“units” is in the list twice."),
        ("x" * (MAX_CATEGORY_CHARACTERS + 1), "longer than 60 characters"),
        ("\n".join(map(str, range(MAX_CATEGORIES + 1))), "There are 21 categories"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidCategories, match=said):
        parse_categories(text)


def test_the_longest_list_of_the_longest_words_is_allowed() -> None:
    words = [f"{number:02}" + "x" * (MAX_CATEGORY_CHARACTERS - 2) for number in range(MAX_CATEGORIES)]

    assert parse_categories("\n".join(words)) == words


def test_only_the_projects_own_categories_may_be_said() -> None:
    check_categories({0: "Units", 4: "Logic"}, ["Logic", "Units"])

    with pytest.raises(UnknownCategory, match="“Mood” on step 3"):
        check_categories({0: "Units", 2: "Mood"}, ["Units"])


def test_a_category_counts_where_the_step_is_bad() -> None:
    said = {0: "Units", 1: "Logic", 2: "Units", 3: "Logic"}

    assert counted_categories(said, [-1, 0, 1, None]) == {0: "Units"}
