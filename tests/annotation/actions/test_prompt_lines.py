"""A JSONL file of prompts: what is read, and which line is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.actions.prompt_lines import BadLine, NoPrompts, add_prompts_from_jsonl, read_prompt_lines
from annotation.actions.prompts import AddedPrompts, NewPrompt
from annotation.models import Prompt
from tests.factories import NOW, make_account, make_project

GOOD = b'{"prompt": "What is 1 + 1?", "reference_answer": "2", "verifier": "numeric"}\n'


def test_each_line_is_a_prompt_with_its_file_and_line() -> None:
    lines = [GOOD, b"\n", b'  {"prompt": "Why?"}']

    assert list(read_prompt_lines(lines, file_name="x.jsonl")) == [
        NewPrompt("What is 1 + 1?", "2", "numeric", "", {"file": "x.jsonl", "line": 1}),
        NewPrompt("Why?", source={"file": "x.jsonl", "line": 3}),
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_read_over() -> None:
    lines = [b"\xef\xbb\xbf" + b'{"prompt": "A"}\r\n', b'{"prompt": "B"}\r\n']

    assert [prompt.text for prompt in read_prompt_lines(lines, file_name="x")] == ["A", "B"]


def test_a_number_as_the_answer_is_its_digits_and_an_object_its_json() -> None:
    line = (
        b'{"prompt": "A", "verifier": "reasoning_gym", "reference_answer": 7, '
        b'"ground_truth": {"dataset": "chain_sum", "entry": {"answer": "7", "metadata": {}}}}'
    )

    [prompt] = read_prompt_lines([line], file_name="x")

    assert prompt.reference_answer == "7"
    assert prompt.ground_truth == '{"dataset": "chain_sum", "entry": {"answer": "7", "metadata": {}}}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"prompt": "A",}', "Line 2: not JSON ("),  # the words inside are Python's, and change
        (b"{", "Line 2: not JSON (Expecting property name enclosed in double quotes at character 2)."),
        (b'{"prompt": "\xff"}', "Line 2: not UTF-8 (byte 13 of the line)."),
        (b'["A"]', "Line 2: not a JSON object with a “prompt”."),
        (b'{"text": "A"}', "Line 2: there is no field “text”; there are prompt, reference_answer, verifier"),
        (b'{"verifier": "numeric"}', "Line 2: “prompt” is missing."),
        (b'{"prompt": null}', "Line 2: the prompt is empty."),
        (b'{"prompt": 7}', "Line 2: “prompt” is not text."),
        (b'{"prompt": "a\\u0000b"}', "Line 2: the prompt holds a NUL byte, which no text may."),
        (b'{"prompt": "a\\ud800b"}', "Line 2: the prompt holds half of a surrogate pair"),
        (b'{"prompt": "A", "verifier": "oracle"}', "Line 2: there is no verifier “oracle”"),
        (b"[" * 100_000, "Line 2: not JSON"),
        (b'{"prompt": "A", "reference_answer": ' + b"1" * 5000 + b"}", "Line 2: not JSON that can be read"),
        (b'{"prompt": "' + b"a" * 2_000_001 + b'"}', "Line 2: longer than 2,000,000 bytes."),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_reason(line: bytes, words: str) -> None:
    with pytest.raises(BadLine) as caught:
        list(read_prompt_lines([GOOD, line], file_name="x"))

    assert caught.value.line == 2
    assert str(caught.value).startswith(words)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_whatever_the_bytes_only_a_bad_line_is_raised(lines: list[bytes]) -> None:
    try:
        prompts = list(read_prompt_lines(lines, file_name="x"))
    except BadLine as error:
        assert 1 <= error.line <= len(lines)
    else:
        assert all(prompt.text.strip() for prompt in prompts)


@pytest.mark.django_db
def test_a_file_is_stored_and_its_duplicates_counted() -> None:
    project = make_project()

    added = add_prompts_from_jsonl(
        project=project, lines=[GOOD, GOOD], file_name="x", actor=make_account(), now=NOW
    )

    assert added == AddedPrompts(num_stored=1, num_duplicates=1)
    assert Prompt.objects.get().source == {"file": "x", "line": 1}


@pytest.mark.django_db
def test_one_bad_line_and_nothing_of_the_file_is_stored() -> None:
    with pytest.raises(BadLine, match="Line 2"):
        add_prompts_from_jsonl(
            project=make_project(), lines=[GOOD, b"oops"], file_name="x", actor=make_account(), now=NOW
        )

    assert not Prompt.objects.exists()


@pytest.mark.django_db
def test_a_file_of_empty_lines_holds_no_prompts() -> None:
    with pytest.raises(NoPrompts):
        add_prompts_from_jsonl(
            project=make_project(), lines=[b"\n", b"  \n"], file_name="x", actor=make_account(), now=NOW
        )
