"""The arithmetic judge: what is an equation, what it comes to, and when it rather says nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.judging.arithmetic import P_ALL_RIGHT, P_SOME_WRONG, ArithmeticJudge, check_step
from annotation.judging.judge import JudgedTrace, Opinion

RIGHT = [
    "3 + 4 = 7",
    "He had 3 + 4 = 7 apples.",
    "48/2 = <<48/2=24>>24 clips",
    "-3 + 5 = 2",
    "5 - (-3) = 8",
    "20% of 50 = 10",
    "15 / 60 * 100 = 25%",
    "10 / 3 = 3.33",
    "10 / 3 ≈ 3",
    "2 / 3 ≈ 0.66",
    "2 / 3 ≈ 0.67",
    "149 * 2 ≈ 300",
    "1) 3 x 4 = 12",
    "- 3 + 4 = 7",
    "(so 3 + 4 = 7)",
    "$3 + $4 = $7",
    r"\frac{1}{2} + \frac{1}{2} = 1",
    r"\(3 \times 4 = \boxed{12}\)",
    "2(3 + 4) = 14",
    "3² + 4² = 25",
    "2^10 = 1,024",
    "6 * 7 = 40 + 2 = 42",
    "1,000 + 234 = 1,234",
    "7 times 6 equals 42",
    "**3 + 4 = 7**",
    "0.1 + 0.2 = 0.3",
    "5 * 60 = 300 minutes = 5 hours",
    "3 + 4 == 7",
]
WRONG = [
    "3 + 4 = 8",
    "48/2 = <<48/2=25>>25",
    "6 * 7 = 40 + 2 = 43",
    "10 / 3 = 3",
    "10 / 3 ≈ 3.4",
    "149 * 2 ≈ 310",
    "20% of 50 = 11",
    "3 + 4 = 7 and 7 * 2 = 15",
    "5 / 0 = 0",
    "The total is 12 × 4 = 46 dollars.",
]
SILENT = [
    "",
    "The answer is 12.",
    "x = 2y + 3 = 7",
    "2x = 6",
    "y - 3 = 5",
    "14 = 7 x",
    "f(2 + 1) = 9",
    "10:30 + 2 = 12:30",
    "17 / 5 = 3 remainder 2",
    "5! + 1 = 121",
    "√16 + 1 = 5",
    "half of 48 + 2 = 26",
    "12 = 1 dozen",
    "$5 = 500 cents",
    "3 apples + 4 apples = 7 apples",
    "3:4 = 6:8",
    "50 - 20% = 40",
    "2^99999 = 1",
    "3 + 4 ≠ 8",
    "3 + 4 >= 5",
    "9" * 50 + " + 1 = 2",
    "def f(): return 3 +",
    "= = =",
]


@pytest.mark.parametrize("step", RIGHT)
def test_a_step_whose_equations_hold_is_probably_right(step: str) -> None:
    check = check_step(step)

    assert check.probability == P_ALL_RIGHT
    assert check.rationale.startswith("Worked out: ")


@pytest.mark.parametrize("step", WRONG)
def test_a_step_with_one_equation_that_does_not_hold_is_wrong(step: str) -> None:
    check = check_step(step)

    assert check.probability == P_SOME_WRONG
    assert "is wrong" in check.rationale or "divides by zero" in check.rationale


@pytest.mark.parametrize("step", SILENT)
def test_a_step_that_states_nothing_that_can_be_worked_out_gets_no_score(step: str) -> None:
    assert check_step(step).probability is None


def test_a_rationale_says_what_it_really_is() -> None:
    assert check_step("So 12 * 4 = 46.").rationale == "12 * 4 = 46 is wrong: 12 * 4 is 48."


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"), st.integers(-3, 3))
def test_every_sum_of_two_numbers_is_judged_right_exactly_where_it_is(
    a: int, b: int, operator: str, error: int
) -> None:
    result = {"+": a + b, "-": a - b, "*": a * b}[operator] + error
    second = f"({b})" if b < 0 else str(b)

    check = check_step(
        f"Then {a} {operator} {second} = {result}." if a >= 0 else f"{a} {operator} {second} = {result}."
    )

    assert check.probability == (P_ALL_RIGHT if error == 0 else P_SOME_WRONG)


@given(st.text(alphabet="0123456789+-*/^%()=≈. ,x\n$\\{}<>", max_size=80))
def test_no_text_makes_it_fail(step: str) -> None:
    assert check_step(step).probability in (None, P_ALL_RIGHT, P_SOME_WRONG)


@given(st.text(max_size=60))
def test_no_text_at_all_makes_it_fail(step: str) -> None:
    check_step(step)


@pytest.mark.parametrize("unit", ["(", "3 + ", "{", "\\frac{", "1 = ", "9", "<<1+1", "((1)+", "^2", "1,000,"])
def test_a_huge_step_takes_no_time(unit: str) -> None:
    begun = time.perf_counter()
    check_step(unit * (100_000 // len(unit)))

    assert time.perf_counter() - begun < 5


def test_a_trace_gets_one_entry_a_step() -> None:
    trace = JudgedTrace("?", ("3 + 4 = 7\n", "So it is.\n", "7 * 2 = 15"))

    assert ArithmeticJudge().score([trace]) == [
        Opinion(
            probabilities=(P_ALL_RIGHT, None, P_SOME_WRONG),
            rationales=("Worked out: 3 + 4 = 7.", "", "7 * 2 = 15 is wrong: 7 * 2 is 14."),
        )
    ]
