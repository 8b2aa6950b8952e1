"""What the columns of known layouts and public data sets become."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.importing.items import ImportedTrace, Item
from annotation.importing.layouts import (
    LAYOUTS,
    BadMapping,
    check_mapping,
    guess_layout,
    guess_mapping,
    read_item,
)
from annotation.importing.rows import BadRow, Row
from rl_bridge.code_checking import read_problem

GSM8K = {"question": "How many?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}
MATH = {
    "problem": "What is $1/2$?",
    "solution": r"It is $\boxed{\frac{1}{2}}$.",
    "level": "1",
    "type": "Algebra",
}
ARC = {
    "id": "x",
    "question": "Which is hot?",
    "choices": {"text": ["Ice", "Fire"], "label": ["1", "2"]},
    "answerKey": "2",
}
MMLU = {"question": "Which?", "subject": "law", "choices": ["a", "b", "c", "d"], "answer": 2}
HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def f(x):\n",
    "canonical_solution": "    return x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
    "entry_point": "f",
}
SHEPHERD = {
    "input": "How many? Step 1: 2 + 3 = 5. ки\nStep 2: The answer is: 6 ки",
    "label": "How many? Step 1: 2 + 3 = 5. +\nStep 2: The answer is: 6 -",
    "task": "GSM8K",
}


def prm800k(finish: str = "found_error", **changes: Any) -> dict[str, Any]:
    steps = [
        {
            "completions": [{"text": "Let x be 1.", "rating": 1}],
            "human_completion": None,
            "chosen_completion": 0,
        },
        {
            "completions": [{"text": "So what.", "rating": 0}, {"text": "Then x = 2.", "rating": -1}],
            "human_completion": None,
            "chosen_completion": None,
        },
    ]
    row = {
        "question": {"problem": "Find x.", "ground_truth_answer": "1"},
        "label": {"steps": steps, "finish_reason": finish},
    }
    return {**row, **changes}


def read(key: str, values: dict[str, Any], **mapped: str) -> Item:
    return read_item(Row(1, values), LAYOUTS[key], mapped)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (GSM8K, "gsm8k"),
        (MATH, "math"),
        (ARC, "arc"),
        (MMLU, "mmlu"),
        (HUMAN_EVAL, "human_eval"),
        (SHEPHERD, "math_shepherd"),
        (prm800k(), "prm800k"),
        ({"prompt": "A", "completions": ["x", "y"], "labels": [True, False]}, "steps"),
        ({"prompt": "A", "completions": ["x", "y"], "labels": [0, -1]}, "rated_steps"),
        ({"problem": "A", "steps": ["x"], "label": -1}, "steps"),
        ({"prompt": "A", "completion": "x"}, "completions"),
        ({"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "x"}]}, "messages"),
        ({"question": "A", "answer": "free text without a number sign"}, "prompts"),
        ({"anything": "A"}, "prompts"),
    ],
)
def test_a_sources_columns_and_first_rows_tell_its_layout(values: dict[str, Any], key: str) -> None:
    assert guess_layout(list(values), [Row(1, values)]).key == key


def test_a_few_bad_rows_do_not_hide_the_layout_and_one_minus_one_tells_ratings() -> None:
    row = {"prompt": "A", "steps": ["x"], "labels": [0]}
    bad = {**row, "steps": []}
    rated = {**row, "labels": [-1]}

    assert guess_layout(list(row), [Row(1, row), Row(2, bad)]).key == "steps"
    assert guess_layout(list(row), [Row(1, row), Row(2, row), Row(3, rated)]).key == "rated_steps"


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("gsm8k", GSM8K, Item("How many?", "5", "numeric", "5")),
        ("math", MATH, Item("What is $1/2$?", r"\frac{1}{2}", "math", r"\frac{1}{2}")),
        ("arc", ARC, Item("Which is hot?\n\nA) Ice\nB) Fire", "B) Fire", "choice", "B")),
        ("mmlu", MMLU, Item("Which?\n\nA) a\nB) b\nC) c\nD) d", "C) c", "choice", "C")),
    ],
)
def test_presets_give_prompt_reference_answer_and_verifier(
    key: str, values: dict[str, Any], expected: Item
) -> None:
    assert read(key, values) == expected


def test_human_eval_asks_for_the_function_and_brings_its_unit_tests() -> None:
    item = read("human_eval", HUMAN_EVAL)

    assert "```python\ndef f(x):\n" in item.prompt
    assert item.reference_answer == "def f(x):\n    return x\n"
    assert item.verifier == "code"
    problem = read_problem(item.ground_truth)
    assert (problem.entry_point, problem.beginning) == ("f", HUMAN_EVAL["prompt"])
    assert problem.tests == HUMAN_EVAL["test"]


def test_prm800k_becomes_the_path_followed_up_to_the_error_found() -> None:
    item = read("prm800k", prm800k())

    assert (item.prompt, item.reference_answer, item.verifier) == ("Find x.", "1", "math")
    assert item.trace == ImportedTrace(
        "Let x be 1.\nThen x = 2.", (12, 23), (1, -1), model_name="PRM800K's generator"
    )


def test_a_step_that_a_person_wrote_in_prm800k_is_good() -> None:
    row = prm800k("solution")
    row["label"]["steps"][1]["human_completion"] = {"text": "Then x = 1.", "rating": None}

    trace = read("prm800k", row).trace

    assert trace is not None
    assert (trace.completion, trace.labels) == ("Let x be 1.\nThen x = 1.", (1, 1))


def test_a_bad_problem_of_prm800k_keeps_its_finish_reason() -> None:
    trace = read("prm800k", prm800k("bad_problem")).trace

    assert trace is not None
    assert (trace.outcome, trace.reason) == ("bad_problem", "PRM800K's finish reason: bad_problem")


def test_math_shepherd_is_split_at_its_marks_and_loses_them() -> None:
    item = read("math_shepherd", SHEPHERD)

    assert item.prompt == "How many?"
    assert item.trace is not None
    assert item.trace.completion == "Step 1: 2 + 3 = 5.\nStep 2: The answer is: 6"
    assert item.trace.labels == (1, -1)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([True, False], (1, -1)), ([1, 0], (1, -1)), ([1, -100], (1, None)), ([None, 1], (None, 1))],
)
def test_right_and_wrong_are_good_and_bad(labels: list[Any], expected: tuple[int | None, ...]) -> None:
    trace = read("steps", {"p": "A", "s": ["x", "y"], "l": labels}, prompt="p", steps="s", labels="l").trace

    assert trace is not None
    assert trace.labels == expected
    assert trace.completion == "x\ny"
    assert trace.step_ends == (2, 3)


def test_ratings_keep_their_neutral() -> None:
    trace = read(
        "rated_steps", {"p": "A", "s": ["x", "y"], "l": [0, 1]}, prompt="p", steps="s", labels="l"
    ).trace

    assert trace is not None
    assert trace.labels == (0, 1)


@pytest.mark.parametrize(
    ("index", "expected"), [(-1, (1, 1, 1)), (None, (1, 1, 1)), (0, (-1, None, None)), ("1", (1, -1, None))]
)
def test_steps_behind_the_first_error_are_not_judged(index: Any, expected: tuple[int | None, ...]) -> None:
    values = {"p": "A", "s": ["x", "y", "z"], "at": index}
    trace = read("steps", values, prompt="p", steps="s", first_error="at").trace

    assert trace is not None
    assert trace.labels == expected


def test_a_csv_can_hold_its_steps_as_json() -> None:
    trace = read(
        "steps", {"p": "A", "s": '["x", "y"]', "l": "[1, 0]"}, prompt="p", steps="s", labels="l"
    ).trace

    assert trace is not None
    assert trace.labels == (1, -1)


def test_a_conversations_last_turn_is_the_completion_byte_for_byte() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": "  2 \n"},
    ]
    item = read("messages", {"m": turns}, messages="m")

    assert item.prompt == "Be brief.\n\n1 + 1?"
    assert item.trace == ImportedTrace("  2 \n")


@pytest.mark.parametrize(
    ("key", "values", "mapped", "words"),
    [
        ("prompts", {"p": "  "}, {"prompt": "p"}, "“p” is empty."),
        ("prompts", {}, {"prompt": "p"}, "“p” is missing."),
        ("gsm8k", {"question": "A", "answer": "####"}, {}, "“answer” ends in no “#### number”."),
        ("math", {"problem": "A", "solution": ""}, {}, "“solution” is empty."),
        ("arc", {**ARC, "answerKey": "Z"}, {}, "“answerKey” is 'Z', which is none of the choices."),
        ("arc", {**ARC, "choices": None}, {}, "“choices” is not an object"),
        ("arc", {**ARC, "choices": {"text": 5}}, {}, "“choices.text” is not a list."),
        ("arc", {**ARC, "choices": {"text": ["a"], "label": 5}}, {}, "“choices.label” is not a list."),
        ("mmlu", {**MMLU, "answer": 4}, {}, "“answer” is 4, which is none of the choices."),
        ("mmlu", {**MMLU, "answer": "²"}, {}, "“answer” is '²', which is none of the choices."),
        ("mmlu", {**MMLU, "answer": "9" * 5000}, {}, "which is none of the choices."),
        ("math_shepherd", {**SHEPHERD, "input": "no marks"}, {}, "“input” holds no “ки”"),
        ("math_shepherd", {**SHEPHERD, "label": "short"}, {}, "neither + nor - at the end of step 1."),
        ("prm800k", {"question": "A", "label": {}}, {}, "“question” is not an object."),
        ("prm800k", prm800k(label={"steps": []}), {}, "“label.steps” holds no steps."),
        ("prm800k", prm800k(label={"steps": 5}), {}, "“label.steps” is not a list."),
        (
            "prm800k",
            prm800k(label={"steps": [{"completions": 5}]}),
            {},
            "“step 1.completions” is not a list.",
        ),
        *(
            (
                "steps",
                {"p": "A", "s": ["x"], "at": index},
                {"prompt": "p", "steps": "s", "first_error": "at"},
                f"“at” is {index!r:.40}, but there are 1 steps",
            )
            for index in ("--1", "²", "9" * 5000, [], {})
        ),
        (
            "prm800k",
            prm800k(
                label={"steps": [{"completions": [{"text": "x", "rating": []}], "chosen_completion": 0}]}
            ),
            {},
            "the rating of step 1 is [];",
        ),
        ("steps", {"p": "A", "s": []}, {"prompt": "p", "steps": "s"}, "“s” holds no steps."),
        ("steps", {"p": "A", "s": ["x", " "]}, {"prompt": "p", "steps": "s"}, "step 2 of “s” is empty"),
        (
            "steps",
            {"p": "A", "s": ["x"], "l": [1, 0]},
            {"prompt": "p", "steps": "s", "labels": "l"},
            "“l” holds 2 labels for 1 steps.",
        ),
        (
            "steps",
            {"p": "A", "s": ["x"], "l": [-1]},
            {"prompt": "p", "steps": "s", "labels": "l"},
            "label 1 of “l” is -1; known are 0, 1 and null.",
        ),
        (
            "steps",
            {"p": "A", "s": ["x"], "at": 1},
            {"prompt": "p", "steps": "s", "first_error": "at"},
            "“at” is 1, but there are 1 steps, counted from 0.",
        ),
        (
            "messages",
            {"m": [{"role": "user", "content": "A"}]},
            {"messages": "m"},
            "does not end in an answer",
        ),
        ("messages", {"m": "text"}, {"messages": "m"}, "“m” is not a list."),
        ("messages", {"m": [1]}, {"messages": "m"}, "objects with “role” and “content”."),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(
    key: str, values: dict[str, Any], mapped: dict[str, str], words: str
) -> None:
    with pytest.raises(BadRow) as caught:
        read(key, values, **mapped)

    assert words in str(caught.value)


def test_a_mapping_must_have_what_is_needed_and_only_known_columns() -> None:
    with pytest.raises(BadMapping, match=r"Say which column is the prompt\."):
        check_mapping(LAYOUTS["prompts"], {}, ["a"])
    with pytest.raises(BadMapping, match="The source has no column “b”"):
        check_mapping(LAYOUTS["prompts"], {"prompt": "b"}, ["a"])
    with pytest.raises(BadMapping, match="GSM8K has a column “answer”, and this source has none"):
        check_mapping(LAYOUTS["gsm8k"], {}, ["question"])


@given(st.lists(st.text(min_size=1, max_size=8), unique=True), st.sampled_from(sorted(LAYOUTS)))
def test_a_guess_never_takes_a_column_twice_or_one_that_is_not_there(columns: list[str], key: str) -> None:
    mapped = guess_mapping(LAYOUTS[key], columns)

    assert set(mapped.values()) <= set(columns)
    assert len(set(mapped.values())) == len(mapped)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


WHOLE_ROWS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "gsm8k": (GSM8K, {}),
    "math": (MATH, {}),
    "arc": (ARC, {}),
    "mmlu": (MMLU, {}),
    "human_eval": (HUMAN_EVAL, {}),
    "math_shepherd": (SHEPHERD, {}),
    "prm800k": (prm800k(), {}),
    "prompts": ({"p": "A", "v": "exact"}, {"prompt": "p", "verifier": "v"}),
    "completions": ({"p": "A", "c": "B"}, {"prompt": "p", "completion": "c"}),
    "messages": (
        {"m": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]},
        {"messages": "m"},
    ),
    "steps": (
        {"p": "A", "s": ["x", "y"], "at": 1},
        {"prompt": "p", "steps": "s", "first_error": "at"},
    ),
    "rated_steps": ({"p": "A", "s": ["x"], "l": [-1]}, {"prompt": "p", "steps": "s", "labels": "l"}),
}


def spoil(value: Any, data: st.DataObject) -> Any:
    """The value with one thing in it, at any depth, that is something else: its keys are those that are read."""
    inner: list[Any] = list(value) if isinstance(value, list | dict) else []
    if not inner or data.draw(st.integers(0, 3)) == 0:
        return data.draw(_JSON | st.sampled_from(["--1", "²", "9" * 5000, 10**30, float("inf")]))
    if isinstance(value, list):
        at = data.draw(st.integers(0, len(value) - 1))
        return [spoil(one, data) if index == at else one for index, one in enumerate(value)]
    name = data.draw(st.sampled_from(sorted(value)))
    return {**value, name: spoil(value[name], data)}


@pytest.mark.parametrize("key", sorted(LAYOUTS))
def test_every_layout_has_a_row_to_spoil(key: str) -> None:
    values, mapped = WHOLE_ROWS[key]

    assert read(key, values, **mapped).prompt


@given(key=st.sampled_from(sorted(LAYOUTS)), data=st.data())
def test_a_row_of_which_any_one_thing_is_wrong_is_an_item_or_one_sentence(
    key: str, data: st.DataObject
) -> None:
    values, mapped = WHOLE_ROWS[key]
    name = data.draw(st.sampled_from(sorted(values)))
    spoilt = {**values, name: spoil(values[name], data)}
    try:
        assert read(key, spoilt, **mapped).prompt.strip()
    except BadRow as error:
        assert str(error).endswith(".")
        assert "laid out" not in str(error)  # each fault has a sentence of its own


def test_what_no_layout_foresaw_refuses_the_row_alone() -> None:
    def stumble(values: Any, mapped: Any) -> Item:
        raise AttributeError("'int' object has no attribute 'get'")

    with pytest.raises(BadRow, match=r"^the row is not laid out as “GSM8K” says\.$"):
        read_item(Row(1, GSM8K), dataclasses.replace(LAYOUTS["gsm8k"], read=stumble), {})


@given(key=st.sampled_from(sorted(LAYOUTS)), data=st.data())
def test_whatever_a_row_holds_it_is_an_item_or_one_sentence(key: str, data: st.DataObject) -> None:
    layout = LAYOUTS[key]
    columns = list(layout.columns) or [field.name for field in layout.fields]
    values = {column: data.draw(_JSON) for column in columns}
    try:
        item = read_item(Row(1, values), layout, {field.name: field.name for field in layout.fields})
    except BadRow as error:
        assert str(error)
    else:
        assert item.prompt.strip()
        if item.trace and item.trace.step_ends:
            assert item.trace.step_ends[-1] == len(item.trace.completion)
            assert list(item.trace.step_ends) == sorted(set(item.trace.step_ends))
            assert item.trace.labels is None or len(item.trace.labels) == len(item.trace.step_ends)
