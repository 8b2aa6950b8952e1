"""Exact values of the small expressions that steps state: numbers, + - * / ^, brackets and percentages.

A grammar of our own over tokens, with fractions: nothing a model wrote is ever evaluated as code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

_MOST_TOKENS = 200
_DEEPEST = 40
_LARGEST_EXPONENT = 64
_MOST_BITS = 4096


class NotAnExpression(ValueError):
    """The tokens are no expression that can be worked out exactly."""


class DividesByZero(NotAnExpression):
    """Something is divided by zero."""


@dataclass(frozen=True)
class Value:
    """What an expression comes to, and how it was written.

    num_decimals: digits after the point where the expression is a bare number, else None. has_operation: whether
    anything is worked out. is_percentage: a bare number with a percent sign.
    """

    number: Fraction
    num_decimals: int | None
    num_trailing_zeros: int
    has_operation: bool
    is_percentage: bool


def evaluate(tokens: Sequence[str]) -> Value:
    """The exact value of tokens such as ["3", "+", "4"]. Numbers carry no sign and no commas.

    Raises NotAnExpression where they are none, DividesByZero, and NotAnExpression where the value would be huge.
    """
    if not tokens or len(tokens) > _MOST_TOKENS:
        raise NotAnExpression("nothing, or far too much")
    reader = _Reader(tokens)
    number = reader.read_sum()
    if not reader.is_at_end:
        raise NotAnExpression(f"unexpected {reader.peek()!r}")
    bare = [token for token in tokens if token not in "()-%"]
    is_bare = len(bare) == 1
    digits = bare[0].partition(".") if is_bare else ("", "", "")
    return Value(
        number=number,
        num_decimals=len(digits[2]) if is_bare else None,
        num_trailing_zeros=len(digits[0]) - len(digits[0].rstrip("0")) if is_bare and not digits[1] else 0,
        has_operation=not is_bare,
        is_percentage=is_bare and "%" in tokens,
    )


class _Reader:
    """Recursive descent: sum > product > signed > power > percentage > number or brackets."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def peek(self) -> str:
        return "" if self.is_at_end else self._tokens[self._at]

    def read_sum(self) -> Fraction:
        total = self._read_product()
        while self.peek() in ("+", "-"):
            sign = self._take()
            start = self._at
            term = self._read_product()
            if "%" in self._tokens[start : self._at] and self._at - start == 2:
                raise NotAnExpression("“50 - 20%” means one thing to a shop and another to a textbook")
            total = total + term if sign == "+" else total - term
        return _keep_small(total)

    def _read_product(self) -> Fraction:
        product = self._read_signed()
        while True:
            if self.peek() in ("*", "/"):
                operator = self._take()
                factor = self._read_signed()
            elif self.peek() == "(":  # 2(3 + 4)
                operator, factor = "*", self._read_power()
            else:
                return _keep_small(product)
            if operator == "/" and factor == 0:
                raise DividesByZero("something is divided by zero")
            product = product * factor if operator == "*" else product / factor

    def _read_signed(self) -> Fraction:
        if self.peek() == "-":
            self._take()
            return -self._read_power()
        return self._read_power()

    def _read_power(self) -> Fraction:
        power = self._read_percentage()
        if self.peek() != "^":
            return power
        self._take()
        exponent = self._read_signed()
        if exponent.denominator != 1 or abs(exponent) > _LARGEST_EXPONENT:
            raise NotAnExpression("an exponent that is no small whole number")
        if power == 0 and exponent < 0:
            raise DividesByZero("zero to a negative power")
        return _keep_small(power ** int(exponent))

    def _read_percentage(self) -> Fraction:
        number = self._read_atom()
        while self.peek() == "%":
            self._take()
            number /= 100
        return number

    def _read_atom(self) -> Fraction:
        token = self._take()
        if token != "(":
            if not token[:1].isdecimal() and not token.startswith("."):
                raise NotAnExpression(f"unexpected {token!r}")
            return Fraction(token)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotAnExpression("nested too deeply")
        inner = self.read_sum()
        if self._take() != ")":
            raise NotAnExpression("a bracket that is not closed")
        self._depth -= 1
        return inner

    def _take(self) -> str:
        token = self.peek()
        if not token:
            raise NotAnExpression("it ends too soon")
        self._at += 1
        return token


def _keep_small(number: Fraction) -> Fraction:
    if number.numerator.bit_length() + number.denominator.bit_length() > _MOST_BITS:
        raise NotAnExpression("a number of thousands of digits")
    return number
