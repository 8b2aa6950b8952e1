"""One next step is cut out of what a model goes on with, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.branching import cut_next_step, is_next_step_over, is_same_step
from annotation.rules.segmentation import SEGMENTERS, segment, split_steps

PREFIX = "Tom has 3.\nHe buys 4.\n"


@pytest.mark.parametrize(
    ("prefix", "continuation", "segmenter", "step"),
    [
        (PREFIX, "3 + 4 = 7\nThe answer is 7.", "lines@1", "3 + 4 = 7\n"),
        (PREFIX, "3 + 4 = 7", "lines@1", "3 + 4 = 7"),
        ("Step 1: a\n", "Step 2: b\nmore of b\nStep 3: c", "headings@1", "Step 2: b\nmore of b\n"),
        ("One.\n\n", "Two,\nstill two.\n\nThree.", "paragraphs@1", "Two,\nstill two.\n\n"),
        ("", "Alone at the start\nThen more", "lines@1", "Alone at the start\n"),
        ("Anything", " goes on\nand on", "whole@1", " goes on\nand on"),
        (PREFIX, "$$\n1 + 1\n\n= 2\n$$\nDone", "lines@1", "$$\n1 + 1\n\n= 2\n$$\n"),
    ],
)
def test_the_next_step_is_cut_as_the_trace_was(
    prefix: str, continuation: str, segmenter: str, step: str
) -> None:
    assert cut_next_step(prefix, continuation, segmenter) == step


@pytest.mark.parametrize("continuation", ["", " ", "\n\n  \n"])
def test_white_space_is_no_step(continuation: str) -> None:
    assert cut_next_step(PREFIX, continuation, "lines@1") is None
    assert not is_next_step_over(PREFIX, continuation, "lines@1")


def test_a_step_is_over_once_another_has_begun() -> None:
    assert not is_next_step_over(PREFIX, "3 + 4 =", "lines@1")
    assert not is_next_step_over(PREFIX, "3 + 4 = 7\n", "lines@1")
    assert is_next_step_over(PREFIX, "3 + 4 = 7\nT", "lines@1")


def test_white_space_at_the_ends_makes_no_other_step() -> None:
    assert is_same_step("3 + 4 = 7\n", " 3 + 4 = 7")
    assert not is_same_step("3 + 4 = 7", "3 + 4 = 8")


@given(
    steps=st.lists(st.text(alphabet="ab. 1\n", min_size=1, max_size=12), min_size=1, max_size=5),
    segmenter=st.sampled_from(sorted(SEGMENTERS)),
    data=st.data(),
)
def test_the_step_is_a_beginning_of_what_was_written(
    steps: list[str], segmenter: str, data: st.DataObject
) -> None:
    whole = "".join(steps)
    at = data.draw(st.integers(0, len(whole)))

    step = cut_next_step(whole[:at], whole[at:], segmenter)

    assert step is None or (whole[at:].startswith(step) and step.strip())
    if step is None:
        assert not whole[at:].strip() or segment(whole, segmenter)[-1] == len(whole)


@given(text=st.text(alphabet="ab.\n", min_size=1, max_size=40))
def test_at_a_cut_of_the_whole_it_is_the_wholes_own_step(text: str) -> None:
    steps = split_steps(text, segment(text, "lines@1"))
    for index in range(1, len(steps)):
        prefix, rest = "".join(steps[:index]), "".join(steps[index:])
        assert cut_next_step(prefix, rest, "lines@1") == steps[index]
