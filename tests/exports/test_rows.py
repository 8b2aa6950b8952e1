"""Cutting a completion into its steps, and back."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from exports.rows import cut_steps
from tests.exports.candidates import make_trace


@given(st.lists(st.text(min_size=1), min_size=1))
def test_cut_steps_join_to_the_completion(steps: list[str]) -> None:
    completion = "".join(steps)
    ends = list(itertools.accumulate(len(step) for step in steps))

    assert cut_steps(completion, ends) == steps
    assert "".join(cut_steps(completion, ends)) == completion


def test_characters_beyond_the_first_plane_are_one_character_each() -> None:
    assert cut_steps("\U0001f9ee\U0001f9ee.", [1, 3]) == ["\U0001f9ee", "\U0001f9ee."]


def test_a_trace_knows_its_steps() -> None:
    assert make_trace().steps == ["One.\n", "Two.\n", "Three."]
