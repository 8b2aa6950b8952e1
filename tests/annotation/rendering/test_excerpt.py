"""Excerpts: one line, never longer than asked, never a broken character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rendering import plain_excerpt, spell_out


def test_a_short_text_is_kept_on_one_line() -> None:
    assert plain_excerpt("  one\n\ttwo  ", 20) == "one two"


def test_a_long_text_is_cut_between_words() -> None:
    assert plain_excerpt("the quick brown fox jumps", 18) == "the quick brown…"


def test_a_long_word_is_cut_inside() -> None:
    assert plain_excerpt("a" * 50, 10) == "a" * 9 + "…"


def test_deceiving_characters_are_spelled_out() -> None:
    assert plain_excerpt("a\u202eb\0", 40) == "a[U+202E]b␀"


def test_markup_is_left_as_it_is_for_the_template_to_escape() -> None:
    assert plain_excerpt("<b>x</b>", 40) == "<b>x</b>"


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_without_room_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        plain_excerpt("text", limit)


@given(st.text(max_size=60) | st.text(alphabet="a\u0301\u200d👩 ", max_size=60), st.integers(1, 40))
def test_an_excerpt_keeps_its_limit_and_splits_no_character(text: str, limit: int) -> None:
    excerpt = plain_excerpt(text, limit)

    assert len(excerpt) <= limit
    assert "\n" not in excerpt
    if excerpt.endswith("…") and len(excerpt) < len(text):
        following = " ".join(text.split())[len(excerpt) - 1 : len(excerpt)]
        assert not following.startswith("\u0301") or len(excerpt) == 1 or "\u200d" in text


def test_spelling_out_keeps_lines_and_letters_and_shows_what_hides() -> None:
    text = "7\u202e si\nit\x00 \ud800\u200b\u05d0\u0301"

    assert spell_out(text) == "7[U+202E] si\nit\u2400 \ufffd[U+200B]\u05d0\u0301"


@given(st.text())
def test_spelling_out_twice_changes_nothing_more(text: str) -> None:
    assert spell_out(spell_out(text)) == spell_out(text)
