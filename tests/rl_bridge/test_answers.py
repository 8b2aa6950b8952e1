"""Reading final answers out of completions as models really write them."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_bridge import answers


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("12 + 7 = 19", "19"),
        ("First 12 + 7 = 19.\nThe answer is 19.", "19"),
        ("The answer is: $1,234.50", "$1,234.50"),
        ("The answer is 7, since 3 + 4 makes 7", "7"),
        ("So we get 5.\n#### 42", "42"),
        ("Q: 2+2\nA: 4", "4"),
        ("A: 3 apples and 4 apples.\nThat makes 7.", "7"),
        ("A: 12 + 7 = 19\nThat is all.", "19"),
        (r"Therefore \boxed{17}. I used 3 steps.", "17"),
        (r"The answer is $\boxed{8}$.", "8"),
        (r"\boxed{3} was wrong, so \boxed{4}", "4"),
        (r"\boxed{3} was wrong. The answer is 4.", "4"),
        (r"\boxed{\frac{3}{4}}", "3/4"),
        ("<think>The answer is 5?</think>\nIt is 6.", "6"),
        ("Half a thought.</think>\nIt is 6.", "6"),
        ("<Thinking>Is it 5?</Thinking>\nIt is 6.", "6"),
        ("The tag <think> is never closed here. The answer is 5.", "5"),
        ("<answer>9</answer>", "9"),
        ("x = -5", "-5"),
        ("the sum equals −5", "-5"),
        ("10 - 5", "5"),
        ("10 -5", "5"),
        ("10-5", "5"),
        ("- 5 apples", "5"),
        ("It costs .75", ".75"),
        ("2.5e3 grams", "2.5e3"),
        ("half: 1 / 2", "1 / 2"),
        ("version2 is not a number, 3 is", "3"),
        ("Step 1: nothing", "1"),
    ],
)
def test_the_final_number_is_found(completion: str, number: str) -> None:
    assert answers.find_number(completion) == number


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "none here",
        "   \n",
        r"\boxed{}",
        "answer is",
        "<think></think>",
        "<think>The answer is 5.</think>",
        "<think>The answer is 5.",
        "  <thinking>\nThe answer is 5.",
        "<think>Is it 5?</think>\n<think>The answer is 6.",
    ],
)
def test_without_a_number_there_is_none(completion: str) -> None:
    assert answers.find_number(completion) is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("19", Fraction(19)),
        ("19.0", Fraction(19)),
        ("$1,234.50", Fraction(2469, 2)),
        ("-3/6", Fraction(-1, 2)),
        (r"\frac{-1}{2}", Fraction(-1, 2)),
        ("50%", Fraction(50)),
        ("5.", Fraction(5)),
        ("1e3", Fraction(1000)),
        ("1e-2", Fraction(1, 100)),
    ],
)
def test_a_number_is_read_exactly(written: str, value: Fraction) -> None:
    assert answers.read_number(written) == value


@pytest.mark.parametrize("written", ["", "x", "1 2", "1/0", "-", ".", "1e9999999", "9" * 5000, "1,23", "e5"])
def test_what_is_not_one_number_is_not_read(written: str) -> None:
    assert answers.read_number(written) is None


@given(st.integers(-(10**12), 10**12))
def test_an_integer_stated_in_any_usual_form_reads_back(value: int) -> None:
    for form in (f"so it is {value}", f"#### {value:,}", f"The answer is {value}.", f"\\boxed{{{value}}}"):
        found = answers.find_number(form)
        assert found is not None
        assert answers.read_number(found) == value


@given(st.text())
def test_no_text_breaks_the_readers(text: str) -> None:
    for found in (answers.find_number(text), answers.find_text_answer(text), answers.find_choice(text)):
        assert found is None or found
    for number in answers.list_numbers(text):
        answers.read_number(number)


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("Thinking.\nParis.", "Paris"),
        ("The answer is **Paris**.", "Paris"),
        ("Final answer: mother-in-law", "mother-in-law"),
        (r"\boxed{x^2 + {y}}", "x^2 + {y}"),
        ("so\n$x + 1$\n\n", "x + 1"),
        ("e.g. version 2.5", "e.g. version 2.5"),
        ("Answer: 3.5", "3.5"),
    ],
)
def test_the_text_of_an_answer_is_the_statement_or_the_last_line(completion: str, text: str) -> None:
    assert answers.find_text_answer(completion) == text


@pytest.mark.parametrize(
    ("completion", "letter"),
    [
        ("The answer is (B).", "B"),
        ("Answer: c", "C"),
        (r"\boxed{D}", "D"),
        (r"\boxed{\text{D}}", "D"),
        ("I compare (A) with (C); it must be (C)", "C"),
        ("Reasoning.\n**B**", "B"),
        ("A good question, hard to tell.", None),
        ("The answer is Apple.", None),
        ("", None),
    ],
)
def test_the_chosen_option_is_found(completion: str, letter: str | None) -> None:
    assert answers.find_choice(completion) == letter


def test_a_grid_is_read_as_its_last_lines() -> None:
    completion = "Here is the grid:\n\n1 2\n3 4\n"

    assert answers.find_last_lines(completion, 2) == "1 2\n3 4"
    assert answers.find_last_lines("<answer>\n1 2\n3 4\n</answer> done", 2) == "1 2\n3 4"
    assert answers.find_last_lines("", 2) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "<think>",
        "\n <think>",
        "\\boxed{",
        "1,",
        "9",
        "answer is ",
        "A:\n",
        "<answer>",
        "</think>",
        "(A",
        "\\frac{1}{",
        "  ",
        "-1/",
    ],
)
def test_hostile_repetition_is_read_in_linear_time(piece: str) -> None:
    completion = piece * (200_000 // len(piece))

    began = time.process_time()
    answers.find_number(completion)
    answers.find_text_answer(completion)
    answers.find_choice(completion)

    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("completion", "is_unclosed"),
    [
        ("<think>One.", True),
        ("\n  <THINK>One.", True),
        ("<think>One.</think>\nTwo.\n<think>Three.", True),
        ("<think>One.</think>\nTwo.", False),
        ("One.</think>\nTwo.", False),
        ("The tag <think> opens it.", False),
        ("", False),
    ],
)
def test_thinking_that_was_never_closed_is_noticed(completion: str, is_unclosed: bool) -> None:
    assert answers.is_thinking_unclosed(completion) == is_unclosed
    assert (answers.conclude(completion) == "") == (is_unclosed or not completion)
