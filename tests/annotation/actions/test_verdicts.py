"""What the verifier says of a completion; where it says nothing, why."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from annotation.actions.verdicts import (
    NOTHING_BEHIND,
    TESTS_TOO_LONG,
    TOO_LONG,
    UNCLOSED,
    Verdict,
    give_verdict,
)


def test_a_verdict_comes_with_the_answer_it_is_about() -> None:
    assert give_verdict("numeric", "7", "3 + 4 = 7") == Verdict("7", True)
    assert give_verdict("numeric", "8", "<think>8?</think>It is 7.") == Verdict("7", False)


def test_without_a_verifier_there_is_nothing_to_say() -> None:
    assert give_verdict("", "", "3 + 4 = 7") == Verdict(None, None)


@pytest.mark.parametrize("verifier", ["numeric", "exact", "choice", "math", "code", ""])
@pytest.mark.parametrize(
    ("completion", "error"),
    [
        ("<think>The answer is 7.", UNCLOSED),
        ("<think>7</think>\nSo:\n<think>or 8", UNCLOSED),
        ("<think>The answer is 7.</think>\n ", NOTHING_BEHIND),
    ],
)
def test_where_thinking_has_no_end_or_nothing_behind_it_no_verdict_is_given(
    verifier: str, completion: str, error: str
) -> None:
    assert give_verdict(verifier, "7", completion) == Verdict(None, None, error)


def test_a_comparison_that_takes_too_long_says_so() -> None:
    with patch("annotation.actions.verdicts.check_answer", return_value=None):
        verdict = give_verdict("math", "x + 1", "The answer is $1 + x$.")

    assert (verdict.is_correct, verdict.error) == (None, TOO_LONG)
    assert "10 s" in TOO_LONG


def test_unit_tests_that_take_too_long_are_told_as_such() -> None:
    with patch("annotation.actions.verdicts.check_answer", return_value=None):
        verdict = give_verdict("code", "assert True", "```python\nx = 1\n```")

    assert (verdict.is_correct, verdict.error) == (None, TESTS_TOO_LONG)
    assert "unit tests took longer than 10 s" in TESTS_TOO_LONG


def test_a_reference_answer_that_is_none_says_so() -> None:
    assert "holds no number" in give_verdict("numeric", "many", "It is 7.").error
