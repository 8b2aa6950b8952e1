"""Where two traces part, for many pairs at once: what a plain loop would say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.pair_columns import NO_FORK, find_forks, join_before, load_pairs, values_at
from exports.queries import stream_pairs
from exports.trace_columns import load_trace_columns
from tests.exports.worlds import make_world, merge_world

STEPS = st.lists(st.sampled_from("abé"), min_size=1, max_size=4)
PAIRS = st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=6)
TEXTS = pa.list_(pa.string())


def first_difference(one: list[str], other: list[str]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), NO_FORK)


@given(PAIRS)
def test_a_fork_is_the_first_step_that_differs(pairs: list[tuple[list[str], list[str]]]) -> None:
    chosen, rejected = (pa.array([pair[side] for pair in pairs], TEXTS) for side in (0, 1))

    forks = find_forks(chosen, rejected)

    expected = [first_difference(*pair) for pair in pairs]
    assert forks.tolist() == expected
    assert values_at(chosen, forks).to_pylist() == [
        None if fork == NO_FORK else steps[fork] for (steps, _), fork in zip(pairs, expected, strict=True)
    ]


@given(st.lists(STEPS, min_size=1, max_size=6), st.data())
def test_what_comes_before_a_step_is_one_text(traces: list[list[str]], data: st.DataObject) -> None:
    places = [data.draw(st.integers(0, len(steps))) for steps in traces]

    joined = join_before(pa.array(traces, TEXTS), np.array(places, np.int64))

    assert joined.to_pylist() == ["".join(steps[:place]) for steps, place in zip(traces, places, strict=True)]


@pytest.mark.django_db
def test_a_pairs_trace_that_is_not_in_hand_is_read_once_more() -> None:
    world = make_world(3)
    run = merge_world(world)
    prompts = [prompt.pk for prompt in world.prompts]
    in_hand = load_trace_columns(run, [world.right[0].pk])

    pairs = load_pairs(run, prompts, in_hand, min_p=0.8)

    assert [
        (chosen["trace_id"], rejected["trace_id"])
        for chosen, rejected in zip(pairs.chosen.to_pylist(), pairs.rejected.to_pylist(), strict=True)
    ] == [(pair.chosen.trace_id, pair.rejected.trace_id) for pair in stream_pairs(run, min_p=0.8)]
    assert len(pairs) == 3


@pytest.mark.django_db
def test_no_pair_is_no_row() -> None:
    world = make_world(1)
    run = merge_world(world)

    pairs = load_pairs(run, [world.prompts[0].pk], load_trace_columns(run, []), min_p=1.0)

    assert (len(pairs), pairs.forks.tolist()) == (0, [])
