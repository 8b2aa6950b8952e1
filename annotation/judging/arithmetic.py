"""The arithmetic judge: works out, exactly, the equations that a step states. A step without any gets no score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotation.judging.equations import Link, find_links
from annotation.judging.expressions import DividesByZero, NotAnExpression, Value, evaluate
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never

# A step whose sums are right may still be wrong for another reason; one with a wrong sum hardly stands.
P_ALL_RIGHT = 0.9
P_SOME_WRONG = 0.02
_MOST_QUOTED = 5


class ArithmeticJudge:
    """Implements `Judge` with a rule, not a model."""

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        opinions: list[Opinion | NoOpinion] = []
        for trace in traces:
            should_stop()
            opinions.append(self._score_trace(trace))
        return opinions

    def _score_trace(self, trace: JudgedTrace) -> Opinion:
        checks = [check_step(step) for step in trace.steps]
        return Opinion(
            probabilities=tuple(check.probability for check in checks),
            rationales=tuple(check.rationale for check in checks),
        )


@dataclass(frozen=True)
class StepCheck:
    """What became of one step's equations; no probability where there was none to work out."""

    probability: float | None
    rationale: str


def check_step(step: str) -> StepCheck:
    """Checks every equation that the step states."""
    right: list[str] = []
    wrong: list[str] = []
    for link in find_links(step):
        fault = _check_link(link)
        if fault is None:
            continue
        (wrong if fault else right).append(fault or _write(link))
    if wrong:
        return StepCheck(P_SOME_WRONG, "; ".join(wrong[:_MOST_QUOTED]) + ".")
    if right:
        return StepCheck(P_ALL_RIGHT, f"Worked out: {'; '.join(right[:_MOST_QUOTED])}.")
    return StepCheck(None, "")


def _check_link(link: Link) -> str | None:
    """ "" where the two sides agree, what is wrong where they don't, None where nothing can be worked out."""
    try:
        left, right = evaluate(link.left), evaluate(link.right)
    except DividesByZero:
        return f"{_write(link)} divides by zero"
    except NotAnExpression:
        return None
    if not (left.has_operation or right.has_operation):
        return None  # "5 = 500 cents" changes the unit; there is nothing to work out
    if _agree(left, link.relation, right):
        return ""
    return f"{_write(link)} is wrong: {' '.join(link.left)} is {_show(left.number)}"


def _agree(left: Value, relation: str, right: Value) -> bool:
    if left.number == right.number:
        return True
    for exact, written in ((left, right), (right, left)):
        if written.is_percentage and exact.number == written.number * 100:
            return True  # "15 / 60 * 100 = 25%"
        if written.num_decimals is None:
            continue
        if relation == "≈" or written.num_decimals > 0:
            zeros = written.num_trailing_zeros if relation == "≈" else 0
            if _is_rounded(exact.number, written, zeros):
                return True
    return False


def _is_rounded(exact: Fraction, written: Value, num_zeros: int) -> bool:
    """Whether `written` is `exact` rounded, up or down at a tie, or cut off, at the last place written."""
    unit = Fraction(10) ** (num_zeros - (written.num_decimals or 0))
    if written.is_percentage:
        unit /= 100
    difference = exact - written.number
    is_cut_off = bool(written.num_decimals) and abs(difference) < unit and abs(written.number) < abs(exact)
    return abs(difference) <= unit / 2 or is_cut_off


def _write(link: Link) -> str:
    return f"{' '.join(link.left)} {link.relation} {' '.join(link.right)}"


def _show(number: Fraction) -> str:
    if number.denominator == 1 and abs(number.numerator) < 10**15:
        return str(number.numerator)
    value = float(number) if abs(number) < 10**300 else float("inf")
    return f"{value:.6g}"
