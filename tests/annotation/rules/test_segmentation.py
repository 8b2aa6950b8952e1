"""Cutting completions into steps: lossless always, and where a reader would cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.segmentation import (
    DEFAULT_SEGMENTER,
    SEGMENTERS,
    UnknownSegmenter,
    is_lossless,
    segment,
    split_steps,
    step_spans,
)

PIECES = [
    "Step 1: ",
    "## Step 2\n",
    "**Step 3:** ",
    "1. ",
    "2. ",
    "- ",
    "   - ",
    "x = 3.5",
    "So.",
    "Hello,",
    "A: 5",
]
PIECES += ["\n", "\n\n", "\r\n", "\r", " ", "\t", "\u2028", "---\n", "| a |\n", "<think>", "</think>"]
PIECES += ["```\n", "~~~", "$$", r"\[", r"\]", r"\begin{a}", r"\end{a}", "\\\\", "#", "**"]
PIECES += ["\u0301", "\u200d", "👩", "🏽", "שלום"]
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
segmenters = st.sampled_from(sorted(SEGMENTERS))


def steps(text: str, segmenter: str = DEFAULT_SEGMENTER) -> list[str]:
    return split_steps(text, segment(text, segmenter))


@given(texts, segmenters)
def test_joining_the_steps_gives_the_completion_back(text: str, segmenter: str) -> None:
    ends = segment(text, segmenter)

    assert "".join(split_steps(text, ends)) == text
    assert is_lossless(text, ends)
    assert all(type(end) is int for end in ends)


@given(texts, segmenters)
def test_no_step_is_white_space_unless_the_whole_text_is(text: str, segmenter: str) -> None:
    found = steps(text, segmenter)

    assert text.isspace() or not any(step.isspace() for step in found)
    assert not text.isspace() or len(found) == 1


@given(texts, segmenters)
def test_no_step_starts_inside_what_a_reader_sees_as_one_character(text: str, segmenter: str) -> None:
    for before, after in zip(steps(text, segmenter), steps(text, segmenter)[1:], strict=False):
        assert not (before.endswith("\r") and after.startswith("\n"))
        assert not before.endswith("\u200d")
        assert after[0] not in "\u0301\u200d🏽"


@given(texts, segmenters)
def test_separators_belong_to_the_step_before_them(text: str, segmenter: str) -> None:
    for step in steps(text, segmenter)[1:]:
        assert step[0] not in "\n\r\u2028"


@given(texts, segmenters)
def test_segmenting_twice_gives_the_same(text: str, segmenter: str) -> None:
    assert segment(text, segmenter) == segment(text, segmenter)


def test_the_empty_completion_has_no_steps() -> None:
    assert segment("") == []
    assert is_lossless("", [])


def test_an_unknown_segmenter_is_named_in_the_error() -> None:
    with pytest.raises(UnknownSegmenter, match="auto@99"):
        segment("text", "auto@99")


def test_every_segmenter_describes_itself_in_one_sentence_and_carries_a_version() -> None:
    assert DEFAULT_SEGMENTER in SEGMENTERS
    for name, segmenter in SEGMENTERS.items():
        assert segmenter.name == name
        assert name.partition("@")[2].isdigit()
        assert segmenter.description.endswith(".")


def test_spans_follow_from_the_ends() -> None:
    assert step_spans([2, 5, 6]) == [(0, 2), (2, 5), (5, 6)]


@pytest.mark.parametrize("ends", [[], [2, 2, 4], [3], [5], [0, 4], [4, 3, 4]])
def test_ends_that_lose_or_repeat_text_are_not_lossless(ends: list[int]) -> None:
    assert not is_lossless("abcd", ends)


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(
            ["Step 1: a\n b\n\n c\n\n", "Step 2: d\n\n", "**Final Answer:** 5"], id="plain headings"
        ),
        pytest.param(["### Step 1\nfoo\n\n", "### Step 2: bar\n\nbaz"], id="markdown headings"),
        pytest.param(
            ["Let me see.\n\n", "**Step 1:** a\n", "**Step 2:** b"], id="bold headings after a lead-in"
        ),
        pytest.param(["الخطوة ١: نحسب\n", "الخطوة ٢: نجد"], id="Arabic digits"),
        pytest.param(["Step १: a\n", "Step २: b"], id="Devanagari digits"),
        pytest.param(["第1步:甲\n", "第2步:乙"], id="Chinese"),
        pytest.param(["1. foo\n", "2. bar\n", "So the answer is 5."], id="a tight list and its conclusion"),
        pytest.param(["1. **Foo**\n\nWe have x.\n\n", "2. **Bar**\n\nThus y."], id="list items as titles"),
        pytest.param(["1. a\n   - n1\n   - n2\n", "2. b\n     1. deep\n     2. deep\n"], id="nested items"),
        pytest.param(["1. a\n- x\n- y\n", "2. b\n- z\n"], id="bullets that nobody indented"),
        pytest.param([" 9. a\n", "10. b\n"], id="right-aligned numbers"),
        pytest.param(["- a\n", "- b\n\n", "Done."], id="bullets"),
        pytest.param(["1) a\n", "2) b\n"], id="numbers with brackets"),
        pytest.param(["First, a.\nIt is b.\n\n", "Then c.\nSo d.\n\n", "Done.\nYes."], id="paragraphs"),
        pytest.param(["Tom has 5.\n", "He buys 3.\n", "A: 8"], id="one step a line"),
        pytest.param(["one\r\n", "two\r\n", "three\r\n\r\n", "four"], id="CRLF"),
        pytest.param(["one\r", "two\r", "three"], id="lone CR"),
        pytest.param(["  \n\n one\n", "two"], id="leading white space"),
        pytest.param(["one.\n\n\n\n", "two.\n\n  \n"], id="trailing white space"),
        pytest.param(["one.\n\n---\n\n", "two."], id="a rule is a separator"),
        pytest.param(["## Setup\n\nfoo\n\n", "## End\n\nbar"], id="a heading stays with what it announces"),
        pytest.param(["שלב א.\n\n", "שלב ב."], id="right to left"),
    ],
)
def test_auto_cuts_where_a_reader_would(cut: list[str]) -> None:
    assert steps("".join(cut)) == cut


@pytest.mark.parametrize(
    "text",
    [
        "The sum is 1. Then we add 2. The result is 3.5 in total.",
        "```python\na = 1\n\nb = 2\n\n\nc = 3\n```",
        "~~~\n```\n\nStep 1: x\nStep 2: y\n~~~",
        "$$\na\n\n= b\n$$",
        "\\[\na\n\n= b\n\\]",
        "\\begin{align}\na &= b \\\\[2pt]\n\nc &= \\begin{cases} 1 \\\\ 2 \\end{cases}\n\\end{align}",
        "We get\n\n$$x = 5$$\n\nwhere x is the number of apples.",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        "1. Then nothing else is a list.",
        "In the year that the company was founded there were exactly\n"
        "1984. people in the whole town, and none of them had heard of\n"
        "it before, which is why the answer to the question is, after\n"
        "all, not known to anyone",
    ],
)
def test_auto_keeps_together_what_belongs_together(text: str) -> None:
    assert steps(text) == [text]


def test_thinking_is_segmented_by_its_own_layout_and_the_tags_stay() -> None:
    text = "<think>\nOkay, so.\n\nWait, no.\n</think>\n\nStep 1: a\n\nStep 2: b"

    assert steps(text) == ["<think>\nOkay, so.\n\n", "Wait, no.\n</think>\n\n", "Step 1: a\n\n", "Step 2: b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\none.\n\ntwo.", ["<think>\none.\n\n", "two."]),
        ("one.\n\ntwo.\n</think>\n\nans", ["one.\n\n", "two.\n</think>\n\n", "ans"]),
        ("<think>\n\n</think>\n\nans", ["<think>\n\n</think>\n\nans"]),
        ("<think>short</think>ans", ["<think>short</think>", "ans"]),
        ("The tag <think> opens it.", ["The tag <think> opens it."]),
    ],
    ids=["unclosed", "opened by the template", "empty", "on one line", "only mentioned"],
)
def test_think_tags_in_odd_places(text: str, expected: list[str]) -> None:
    assert steps(text) == expected


@pytest.mark.parametrize("opener", ["```python", "$$", "\\[", "\\begin{align}"])
def test_a_block_that_never_closes_swallows_nothing(opener: str) -> None:
    assert steps(f"{opener}\na + b\n\nSo it is c.\n\nDone.") == [
        f"{opener}\na + b\n\n",
        "So it is c.\n\n",
        "Done.",
    ]


def test_a_missing_dollar_pair_does_not_turn_the_text_between_formulas_into_a_block() -> None:
    text = "$$a = b\n\nFirst.\n\n$$\nc\n$$\n\nLast."

    assert len(steps(text)) == 4


def test_a_fence_left_open_in_the_thinking_does_not_reach_into_the_answer() -> None:
    text = "<think>\n```\nx\n</think>\n\nOne.\n\n```\ny\n```\n\nTwo."

    assert steps(text)[-1] == "Two."
    assert "One." in steps(text)[1]


def test_the_other_segmenters_do_what_they_say() -> None:
    text = "## Plan\nStep 1: a\nb\n\nc\n\nStep 2: d\n- e\n- f"

    assert steps(text, "headings@1") == ["## Plan\n", "Step 1: a\nb\n\nc\n\n", "Step 2: d\n- e\n- f"]
    assert steps(text, "paragraphs@1") == ["## Plan\nStep 1: a\nb\n\n", "c\n\n", "Step 2: d\n- e\n- f"]
    assert steps(text, "lines@1") == [
        "## Plan\n",
        "Step 1: a\n",
        "b\n\n",
        "c\n\n",
        "Step 2: d\n",
        "- e\n",
        "- f",
    ]
    assert steps(text, "lists@1")[-2:] == ["- e\n", "- f"]
    assert steps(text, "whole@1") == [text]


def test_marks_and_joined_emoji_stay_with_what_they_belong_to() -> None:
    assert steps("one\n\u0301two") == ["one\n\u0301two"]
    assert steps("<think>one</think>\u200d👩 two") == ["<think>one</think>\u200d👩 two"]
