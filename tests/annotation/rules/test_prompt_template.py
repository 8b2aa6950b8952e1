"""Templates: filled once, and nothing else in them is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.prompt_template import DEFAULT_TEMPLATE, BadTemplate, check_template, fill_template


def test_the_default_template_can_be_filled() -> None:
    check_template(DEFAULT_TEMPLATE)

    assert fill_template(DEFAULT_TEMPLATE, "What is 1 + 1?").endswith("Problem: What is 1 + 1?")


@given(st.text())
def test_the_prompt_goes_in_byte_for_byte(prompt: str) -> None:
    assert fill_template("A {b} {prompt} {c!r} {}", prompt) == f"A {{b}} {prompt} {{c!r}} {{}}"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "it holds it 0 times"),
        ("{prompt}{prompt}", "it holds it 2 times"),
        ("{prompt}\x00", "NUL byte"),
        ("{prompt}" + "a" * 20_000, "longer than 20,000"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(template: str, words: str) -> None:
    with pytest.raises(BadTemplate, match=words):
        check_template(template)
