"""A field inside an object is a column like any other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.importing.layouts import LAYOUTS, guess_layout, read_item
from annotation.importing.rows import BadRow, Row, list_columns, look_inside, make_sample, read_sample

SOLUTIONS = (
    Path(__file__).resolve().parents[3].parent / "shared" / "data" / "gsm8k" / "example_model_solutions.jsonl"
)
ROW = {"question": "1 + 1?", "large": {"solution": "It is 2.", "from": {"name": "large@1"}}, "tags": ["a"]}
NAMES = st.text(alphabet="ab.", min_size=1, max_size=4)
OBJECTS = st.recursive(
    st.integers(), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=8
)


def test_fields_stand_behind_the_column_that_holds_them() -> None:
    assert list_columns(list(ROW), [Row(1, ROW)]) == [
        "question",
        "large",
        "large.solution",
        "large.from",
        "large.from.name",
        "tags",
    ]


def test_rows_need_not_have_the_same_fields() -> None:
    sample = [
        Row(1, {"a": {"x": 1}}),
        Row(2, {"a": None}),
        Row(3, {"a": {"y": 2}}),
        Row(4, fault="not JSON."),
    ]

    assert list_columns(["a"], sample) == ["a", "a.x", "a.y"]


def test_an_object_that_is_a_table_by_itself_offers_no_fields() -> None:
    """Thousands of choices would be none."""
    assert list_columns(["scores"], [Row(1, {"scores": {str(place): 1 for place in range(1_000)}})]) == [
        "scores"
    ]


def test_a_trace_is_read_from_inside_an_object() -> None:
    mapped = {"prompt": "question", "completion": "large.solution", "model": "large.from.name"}

    item = read_item(Row(1, ROW), LAYOUTS["completions"], mapped)

    assert item.trace is not None
    assert (item.prompt, item.trace.completion, item.trace.model_name) == ("1 + 1?", "It is 2.", "large@1")


def test_a_row_without_the_field_says_so() -> None:
    mapped = {"prompt": "question", "completion": "large.solution"}

    with pytest.raises(BadRow, match=r"“large\.solution” is missing"):
        read_item(Row(1, {"question": "1 + 1?", "large": "no object"}), LAYOUTS["completions"], mapped)


def test_a_column_of_that_very_name_comes_first() -> None:
    values = {"a.b": "the column", "a": {"b": "the field"}}

    assert look_inside(values, "a.b") == "the column"
    assert list_columns(list(values), [Row(1, values)]) == ["a.b", "a"]


@given(st.dictionaries(NAMES, OBJECTS, max_size=3))
def test_whatever_is_offered_can_be_read(values: Mapping[str, Any]) -> None:
    for name in list_columns(list(values), [Row(1, values)]):
        look_inside(values, name)


@given(st.dictionaries(NAMES, OBJECTS, max_size=3), NAMES)
def test_whatever_is_not_offered_is_not_there(values: Mapping[str, Any], name: str) -> None:
    if name not in list_columns(list(values), [Row(1, values)]):
        with pytest.raises(KeyError):
            look_inside(values, name)


@pytest.mark.skipif(not SOLUTIONS.is_file(), reason="shared/data is not there")
def test_the_solutions_of_gsm8ks_models_become_traces() -> None:
    with SOLUTIONS.open(encoding="utf-8") as lines:
        rows = [Row(number, json.loads(line)) for number, line in zip(range(1, 51), lines, strict=False)]
    stored = [{"number": row.number, "values": make_sample(row), "fault": ""} for row in rows[:8]]
    sample = read_sample(stored)
    columns = list_columns(list(rows[0].values), sample)
    mapped = {
        "prompt": "question",
        "completion": "175b_verification.solution",
        "reference_answer": "ground_truth",
    }

    assert guess_layout(list(rows[0].values), sample).key == "prompts"
    assert set(mapped.values()) <= set(columns)
    for row in rows:
        trace = read_item(row, LAYOUTS["completions"], mapped).trace
        assert trace is not None
        assert trace.completion == row.values["175b_verification"]["solution"]
