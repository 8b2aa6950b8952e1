"""Kinds of elements: the same for pages that differ in words, and not for those that differ in what is on them."""

from __future__ import annotations

import pytest

from tests.journeys.shown import list_kinds

PAGE = """<main id="main"><p class="hint">Two <b>traces</b>.</p>
<img src="a.png" alt="A"><input type="text" name="q"></main>"""


def test_an_element_is_told_by_what_it_is_in() -> None:
    assert ("main id", "p class=hint", "b") in list_kinds(PAGE)
    assert list_kinds("<p><b>x</b></p>") != list_kinds("<p></p><b>x</b>")


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("Two", "No"),
        ("a.png", "b.png"),
        ('name="q"', 'name="r"'),
        ("<b>traces</b>", "<b>traces</b> and <b>more</b>"),
    ],
)
def test_other_words_and_more_of_the_same_are_no_other_kind(words: str, others: str) -> None:
    assert list_kinds(PAGE.replace(words, others)) == list_kinds(PAGE)


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ('class="hint"', 'class="notice"'),
        ('type="text"', 'type="text" disabled'),
        ('type="text"', 'type="search"'),
        (' alt="A"', ""),
        ("</main>", "<button>Go</button></main>"),
    ],
)
def test_another_class_state_attribute_or_element_is_another_kind(words: str, others: str) -> None:
    assert list_kinds(PAGE.replace(words, others)) != list_kinds(PAGE)


def test_what_closes_nothing_and_what_is_not_closed_spoil_nothing() -> None:
    assert ("ul", "li") in list_kinds("</div><ul><li>One<li>Two</ul><p>Three</p>")
    assert ("p",) in list_kinds("</div><ul><li>One<li>Two</ul><p>Three</p>")
