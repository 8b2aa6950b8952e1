"""Segmenting takes linear time: counted in executed lines of our own code, so the machine's load does not matter."""

import sys
from types import FrameType
from typing import Any

import pytest

from annotation.rules.segmentation import segment

OURS = "annotation/rules/"

SHAPES = {
    "lines": "Tom has 5 apples.\n",
    "paragraphs": "So x is 5.\n\n",
    "list items": "1. one\n2. two\n",
    "bullets": "- a\n  - b\n",
    "headings": "Step 1: a\n\n",
    "unclosed fences": "```python\n",
    "fences of every length": "````a\n```b\n~~~~~c\n",
    "unclosed dollars": "$$ a\n\n",
    "unclosed brackets": "\\[ a\n",
    "unclosed environments": "\\begin{a}\n\\begin{b}\n",
    "think tags": "<think>\na\n</think>\n",
    "empty think tags": "<think></think>",
    "tables": "| a |\n",
    "one long line": "word ",
    "white space": " \n",
    "combining marks": "\n\u0301",
    "rules": "---\n",
}


def count_lines(text: str) -> int:
    """Lines of our modules that run while `text` is segmented."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if OURS not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        segment(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_text_takes_at_most_a_little_more_than_twice_the_work(shape: str) -> None:
    short = SHAPES[shape] * 300

    assert count_lines(short * 2) <= 2.2 * count_lines(short) + 200


def test_a_trace_of_fifty_thousand_tokens_is_cut_and_lossless() -> None:
    text = "We compute the next value, which is 12.5, and go on.\n\n" * 4_000

    assert len(segment(text)) == 4_000


def test_a_megabyte_on_a_single_line_is_one_step() -> None:
    for text in (
        "a" * 1_000_000,
        "* " * 500_000,
        "`" * 1_000_000,
        "1. " * 333_333,
        "**" * 500_000,
        "- " * 500_000,
    ):
        assert segment(text)[-1] == len(text)
