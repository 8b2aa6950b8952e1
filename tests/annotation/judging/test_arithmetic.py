"""The arithmetic judge: what is an equation, what it comes to, and when it rather says nothing."""

from __future__ import annotations

import math
import re
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.judging.arithmetic import P_ALL_RIGHT, P_SOME_WRONG, ArithmeticJudge, check_step
from annotation.judging.expressions import evaluate
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
    "1,000 + 234 = 1,234, so he has enough",
    "From 1,000, 2,000 + 1 = 2,001",
    "1,234.5 + 1 = 1,235.5",
    "1 / 8 = 0.13",
    "1 / 8 = 0.12",
    "1 / 3 = 33.3%",
    "1 / 3 ≈ 33%",
    "2^-1 = 0.5",
    "2^3^2 = 512",
    "-2^2 + 5 = 1",
    "The area (2 + 1) = 3",
    r"\frac{1}{\frac{1}{\frac{1}{2}}} = 0.5",
    "Sum: " + " + ".join(["(1)"] * 45) + " = 45",
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
    "1,000 + 234 = 1,235, so he has enough",
    "1 / 3 = 36.3%",
    "1 / 8 = 0.14",
    "1 / 3 = 0.33%",
    "2^3^2 = 64",
    "-2^2 + 5 = 9",
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
    "12,5 + 1 = 13,5",
    "1,00 + 1 = 101",
    "7 / 2 = 3 R1",
    "9 + 5 = 2 (mod 12)",
    r"9 + 5 = 2 \pmod{12}",
    r"9 + 5 = 2 \bmod 12",
    "area(2 + 1) = 9",
    "total - 3 + 1 = 9",
    "50% - 20% = 30%",
    "(" * 60 + "1" + ")" * 60 + " + 1 = 2",
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


@given(st.integers(1_000, 10**12), st.integers(1_000, 10**12), st.sampled_from(["", ".", ",", ", so", " km"]))
def test_thousands_may_be_parted_by_commas_whatever_follows(a: int, b: int, after: str) -> None:
    assert check_step(f"We get {a:,} + {b:,} = {a + b:,}{after}").probability == P_ALL_RIGHT
    assert check_step(f"We get {a:,} + {b:,} = {a + b + 1:,}{after}").probability == P_SOME_WRONG


@given(st.integers(-(10**4), 10**4), st.integers(1, 10**3), st.integers(1, 6))
def test_a_quotient_may_be_rounded_or_cut_off_at_any_place_but_not_be_two_units_off(
    a: int, b: int, places: int
) -> None:
    unit = Fraction(1, 10**places)
    cut = math.trunc(Fraction(a, b) / unit)
    rounded = math.floor(Fraction(a, b) / unit + Fraction(1, 2))

    def write(units: int) -> str:
        digits = f"{abs(units):0{places + 1}d}"
        return f"{'-' if units < 0 else ''}{digits[:-places]}.{digits[-places:]}"

    for units in (cut, rounded):
        assert check_step(f"{a} / {b} = {write(units)}").probability == P_ALL_RIGHT
    for units in (cut - 2, cut + 2):
        assert check_step(f"{a} / {b} = {write(units)}").probability == P_SOME_WRONG


EXPRESSIONS = st.recursive(
    st.integers(0, 20).map(str),
    lambda inner: st.builds(
        lambda a, sign, b: f"({a} {sign} {b})", inner, st.sampled_from(["+", "-", "*"]), inner
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, EXPRESSIONS, st.sampled_from(["+", "-", "*"]))
def test_an_expression_comes_to_what_python_makes_of_it(left: str, right: str, sign: str) -> None:
    text = f"{left} {sign} {right}"

    # The expression is ours, built of whole numbers and three signs: Python may work it out.
    assert evaluate(re.findall(r"\d+|\S", text)).number == eval(text)


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
