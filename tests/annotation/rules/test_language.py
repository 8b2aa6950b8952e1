"""Languages: recognised from words, never guessed from formulas."""

from __future__ import annotations

import pytest

from annotation.rules.language import detect_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Tom has 3 apples and buys 4 more. How many has he?", "en"),
        ("What is 3 + 4?", "en"),
        ("لدى توم 3 تفاحات واشترى 4 أخرى. كم لديه؟", "ar"),
        ("Wie viele Äpfel hat er?", "de"),
        ("一共有多少个苹果?", "zh"),
        ("Cuántas manzanas tiene Tom ahora?", "es"),
    ],
)
def test_words_tell_their_language(text: str, code: str) -> None:
    assert detect_language(text) == code


@pytest.mark.parametrize(
    "text", ["", "12 + 5 = ?", "x^2 = 4", r"\frac{1}{2} \alpha", "def f(x): return x", "\n\t"]
)
def test_what_says_nothing_of_a_language_is_not_guessed(text: str) -> None:
    assert detect_language(text) == ""


def test_a_very_long_text_is_answered_from_its_beginning() -> None:
    assert detect_language("How many apples has he? " * 100_000) == "en"
