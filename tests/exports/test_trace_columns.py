"""Traces as columns say what traces as objects say, and steps are cut at the same characters."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import GenerationBatch, MergedTrace
from exports.queries import load_traces
from exports.trace_columns import cut_all, load_trace_columns
from tests.exports.candidates import as_columns
from tests.exports.worlds import make_world, merge_world

STEPS = st.lists(
    st.text(max_size=5) | st.sampled_from(["é", "日本", "🧮\r\n", "e\u0301"]), min_size=1, max_size=4
)


@given(st.lists(STEPS, min_size=1, max_size=5), st.data())
def test_steps_are_cut_at_characters_wherever_the_column_begins(
    traces: list[list[str]], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(traces) - 1))
    completions = pa.array(["".join(steps) for steps in traces], pa.string()).slice(first)
    kept = traces[first:]
    ends = [end for steps in kept for end in itertools.accumulate(map(len, steps))]

    found = cut_all(completions, np.array(ends), np.array([len(steps) for steps in kept]))

    found.validate(full=True)
    assert found.to_pylist() == kept


def rows_of(run: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The traces of a run, read as columns and read as objects."""
    ids = set(MergedTrace.objects.filter(run=run).values_list("trace_id", flat=True))
    read = load_trace_columns(run, ids)
    objects = sorted(load_traces(run, ids).values(), key=lambda trace: (trace.prompt_id, trace.trace_id))
    return read.to_pylist(), as_columns(objects).select(read.column_names).to_pylist()


@pytest.mark.django_db
def test_columns_are_what_objects_are() -> None:
    world = make_world(3)
    trace = world.right[0]
    steps = [
        "é, ",
        '"日本"\r\n',
        *["🧮"] * (trace.num_steps - 2),
    ]  # commas, quotes, line ends: what CSV must carry
    trace.completion, trace.step_ends = "".join(steps), list(itertools.accumulate(map(len, steps)))
    trace.save()

    read, expected = rows_of(merge_world(world))

    assert read == expected
    assert steps in [row["steps"] for row in read]


@pytest.mark.django_db
def test_a_trace_without_evidence_has_nulls_and_a_batch_without_template_hands_on_the_prompt() -> None:
    world = make_world(2)
    run = merge_world(world)
    silent = MergedTrace.objects.filter(run=run, p_trace__isnull=True)
    assert silent.exists()
    GenerationBatch.objects.filter(project=world.project).update(prompt_template="")

    read, expected = rows_of(run)

    assert read == expected
    assert world.prompts[0].text in {row["prompt"] for row in read}


@pytest.mark.django_db
def test_no_traces_are_no_rows() -> None:
    run = merge_world(make_world(1))

    assert load_trace_columns(run, []).num_rows == 0
