"""What rows are held against comes from the stored texts alone: a format that spoils a text is found out."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.models import JobState, Rating
from exports import trace_columns
from exports.candidates import FORMATS
from exports.checks import CheckFailed, text_of_row
from exports.formats import step_preference
from exports.pair_columns import NO_FORK
from exports.policy import ExportPolicy
from exports.source_texts import (
    check_joined,
    text_of_fork,
    texts_of_forks,
    texts_of_pairs,
    texts_of_traces,
)
from tests.exports.candidates import as_columns, make_pair, make_trace, pairs_as_columns
from tests.exports.worlds import make_world, start_export, write_export

TAILS = st.lists(st.text("ab é🙂\n", min_size=1, max_size=4), min_size=1, max_size=3)
ALL_TRAIN = ExportPolicy(validation_share=0.0, test_share=0.0)


def test_a_traces_text_is_its_prompt_and_its_completion() -> None:
    traces = as_columns([make_trace(prompt="Wie?", steps=("é\n", "b")), make_trace(prompt="", steps=("c",))])

    assert texts_of_traces(traces).to_pylist() == ["Wie?\x00é\nb", "\x00c"]
    assert texts_of_traces(traces.slice(1)).to_pylist() == ["\x00c"]


def test_a_pairs_text_is_its_prompt_and_both_completions() -> None:
    (text,) = texts_of_pairs(pairs_as_columns([make_pair()])).to_pylist()

    assert text == "What is it?\x00One.\nTwo.\nThree.\x00One.\nToo.\nFree."


@settings(deadline=None)
@given(st.lists(st.tuples(TAILS, TAILS, TAILS), min_size=1, max_size=5))
def test_a_forks_text_is_how_both_stored_completions_begin(
    parts: list[tuple[list[str], list[str], list[str]]],
) -> None:
    made = [
        make_pair(
            make_trace([0.9] * len(shared + one), [*shared, *one], trace_id=2 * place + 1),
            make_trace([0.1] * len(shared + other), [*shared, *other], trace_id=2 * place + 2),
        )
        for place, (shared, one, other) in enumerate(parts)
    ]
    pairs = pairs_as_columns(made)
    forked = [place for place, fork in enumerate(pairs.forks) if fork != NO_FORK]

    texts = texts_of_forks(pairs.take(forked)).to_pylist()

    assert texts == [text_of_fork(made[place]) for place in forked]
    for place, text in zip(forked, texts, strict=True):
        fork, sides = int(pairs.forks[place]), (made[place].chosen, made[place].rejected)
        assert text == "\x00".join("What is it?" + "".join(side.steps[: fork + 1]) for side in sides)


def test_no_pair_has_no_text() -> None:
    assert texts_of_forks(pairs_as_columns([make_pair()]).take([])).to_pylist() == []


def test_a_row_of_a_fork_has_the_text_of_its_source() -> None:
    pair = make_pair()
    row = step_preference.make_row(pair, ExportPolicy(), "standard")

    assert isinstance(row, dict)
    assert text_of_row(row, "step_preference") == text_of_fork(pair)


def test_steps_that_do_not_join_to_their_completion_are_refused_with_the_trace() -> None:
    table = as_columns([make_trace(trace_id=7), make_trace(trace_id=8)])
    spoilt = pa.array([["One.\n", "Two.\n", "Three."], ["One.\n", "Two.\n"]], pa.list_(pa.string()))
    check_joined(table)

    with pytest.raises(CheckFailed, match="The steps of trace 8 do not join"):
        check_joined(table.set_column(table.column_names.index("steps"), "steps", spoilt))


def spoil(config: str, column: str) -> Any:
    """The config's format, with another text in one column of its last row."""
    module: ModuleType = FORMATS[config]
    make_table = module.make_table

    def make_spoilt(*given: Any) -> pa.Table:
        table = make_table(*given)
        values = table[column].to_pylist()
        last = values[-1]
        if isinstance(last, str):
            values[-1] = last[:-1] + "?!"
        elif isinstance(last[-1], str):
            values[-1] = [*last[:-1], last[-1] + "?!"]
        else:
            values[-1] = [{**last[-1], "content": last[-1]["content"] + "?!"}]
        place = table.column_names.index(column)
        return table.set_column(place, table.schema.field(place), pa.array(values, table[column].type))

    return patch.object(module, "make_table", make_spoilt)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("config", "column", "form"),
    [
        ("stepwise", "prompt", "standard"),
        ("stepwise", "completions", "standard"),
        ("unpaired_preference", "prompt", "conversational"),
        ("sft", "prompt", "standard"),
        ("sft", "completion", "conversational"),
        ("preference", "prompt", "conversational"),
        ("preference", "rejected", "standard"),
        ("step_preference", "prompt", "standard"),
        ("step_preference", "chosen", "standard"),
        ("evidence", "text", "standard"),
    ],
)
def test_a_format_that_spoils_a_text_fails_the_export(config: str, column: str, form: Any) -> None:
    world = make_world(2)

    with spoil(config, column):
        export = write_export(start_export(world, configs=(config,), form=form, policy=ALL_TRAIN))

    assert export.state == JobState.FAILED
    assert "its texts are not the database's, character by character" in export.error


@pytest.mark.django_db
def test_a_rewrite_behind_other_steps_than_the_stored_ones_fails_the_export() -> None:
    world = make_world(1)
    Rating.objects.filter(trace=world.wrong[0]).update(rewrites={"1": "3 + 4 = 7, so 7."})
    make_row = step_preference.make_row

    def make_spoilt(*given: Any) -> Any:
        row = make_row(*given)
        return {**row, "prompt": row["prompt"].replace("apples", "pears")} if isinstance(row, dict) else row

    with patch.object(step_preference, "make_row", make_spoilt):
        export = write_export(start_export(world, configs=("step_preference",), policy=ALL_TRAIN))

    assert export.state == JobState.FAILED
    assert "character by character" in export.error


@pytest.mark.django_db
def test_a_trace_cut_elsewhere_than_at_its_end_fails_the_export() -> None:
    world = make_world(1)
    cut_all = trace_columns.cut_all

    def cut_short(completions: pa.Array, ends: Any, lengths: Any) -> pa.ListArray:
        return pc.list_slice(cut_all(completions, ends, lengths), 0, 2, return_fixed_size_list=False)

    with patch.object(trace_columns, "cut_all", cut_short):
        export = write_export(start_export(world, configs=("prompts", "evidence"), policy=ALL_TRAIN))

    assert export.state == JobState.FAILED
    assert "do not join to its completion" in export.error
