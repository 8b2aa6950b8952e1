"""Blank is what Python's `strip` leaves nothing of, whatever the script."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from exports.blanks import find_blank, may_be_blank

TEXTS = st.text() | st.text(alphabet=" \t\n\x1c\x85\u00a0\u2003\u2028\u3000\u200bx", max_size=4)


@given(st.lists(TEXTS))
def test_blank_is_what_strip_empties(texts: list[str]) -> None:
    found = find_blank(pa.array(texts, pa.string()))

    assert found.tolist() == [not text.strip() for text in texts]


@given(st.lists(TEXTS, min_size=1))
def test_no_blank_text_is_taken_for_surely_written(texts: list[str]) -> None:
    for text, may_be in zip(texts, may_be_blank(pa.array(texts, pa.string())).to_pylist(), strict=True):
        assert may_be or text.strip()


def test_a_missing_text_is_not_blank() -> None:
    assert find_blank(pa.array([None, " ", "x"], pa.string())).tolist() == [False, True, False]
