"""Cases stand for traces: what the rules say of the stand-in, they say of every trace of the case."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import Choice
from exports.batches import stream_batches
from exports.candidates import TRACE_FORMATS, Chooser
from exports.cases import count_pair_cases, count_trace_cases
from exports.labels import LeftOut, label_steps
from exports.policy import LOWEST_P_PREFERENCE, ExportPolicy
from exports.queries import SuspectPrompts, load_traces, stream_pairs
from exports.rows import JudgedTrace
from exports.stand_ins import Source, sides_of, sides_of_traces, stand_in_for_trace
from exports.verdicts import Verdicts
from tests.exports.candidates import make_trace
from tests.exports.worlds import LATER, call_broken, make_world, merge_world
from tests.factories import make_comparison, make_rating

P = st.floats(0, 1)
POLICIES = st.builds(
    ExportPolicy,
    good_from=st.floats(0.5, 1),
    bad_to=st.floats(0, 0.45),
    sft_from=P,
    after_error=st.sampled_from(["label", "mask"]),
)


def stand_in(posterior: list[float], policy: ExportPolicy) -> JudgedTrace:
    (sides,) = sides_of(pa.array([posterior], pa.list_(pa.float64())), policy).to_pylist()
    source = Source("tiny", 0, "2026-03-01", "")
    return stand_in_for_trace(10, source, "human", 2, False, sides, p_trace=posterior[-1], policy=policy)


@given(st.lists(P, min_size=1, max_size=12), POLICIES)
def test_a_stand_in_gets_the_labels_of_the_trace(posterior: list[float], policy: ExportPolicy) -> None:
    real = make_trace(posterior, ["x"] * len(posterior))

    assert label_steps(stand_in(posterior, policy), policy) == label_steps(real, policy)


@given(st.lists(P, min_size=1, max_size=6), st.lists(P, min_size=1, max_size=6), POLICIES)
def test_traces_of_one_side_meet_the_same_verdict(
    one: list[float], other: list[float], policy: ExportPolicy
) -> None:
    first, second = sides_of_traces(pa.chunked_array([pa.array([one[-1], other[-1]])]), policy).to_pylist()
    if first != second:
        return
    made = [
        [
            TRACE_FORMATS[name].make_row(make_trace(p, ["x"] * len(p)), policy, "standard")
            for p in (one, other)
        ]
        for name in ("sft", "unpaired_preference")
    ]

    for first, second in made:
        assert isinstance(first, LeftOut) == isinstance(second, LeftOut)
        if isinstance(first, LeftOut):
            assert first == second


@pytest.mark.django_db
def test_cases_count_what_the_stream_counts_trace_by_trace() -> None:
    world = make_world(9)
    call_broken(world, world.prompts[2])
    run = merge_world(world)
    policy = ExportPolicy(good_from=0.97, sft_from=0.95)
    splits = {prompt.pk: "train" if prompt.pk % 3 else "test" for prompt in world.prompts}
    chooser = Chooser(
        policy, "standard", splits, SuspectPrompts(frozenset([world.prompts[2].pk]), frozenset())
    )

    def verdicts(rows: object) -> dict[tuple[str, str, str], int]:
        counted: dict[tuple[str, str, str], int] = {}
        for trace, times in rows:  # type: ignore[attr-defined]
            for config, split, row in chooser.rows_of_trace(trace, list(TRACE_FORMATS)):
                key = (config, split, row.reason if isinstance(row, LeftOut) else "taken")
                counted[key] = counted.get(key, 0) + times
        return counted

    ids = {trace for batch in stream_batches(run) for trace in batch.traces["trace_id"].to_pylist()}
    one_by_one = verdicts((trace, 1) for trace in load_traces(run, ids).values())
    cases = count_trace_cases(run, policy, splits, chooser.suspects)

    assert verdicts((case.trace, case.num_traces) for case in cases) == one_by_one
    assert len(cases) < sum(case.num_traces for case in cases)


@pytest.mark.django_db
@pytest.mark.parametrize("minimum", [2, 3, 4])
def test_pair_cases_count_what_streams_and_columns_count_pair_by_pair(minimum: int) -> None:
    world = make_world(4)
    compared = [make_comparison(world.right[1], world.wrong[1]) for _ in range(2)]
    make_comparison(world.right[1], world.wrong[1], choice=Choice.TIE)
    make_comparison(world.right[1], world.wrong[1], choice=Choice.BOTH_BAD)
    for trace in (world.right[2], world.wrong[2]):
        make_rating(trace, compared[0].rater, labels=(1, 1, 1) if trace in world.right else (1, -1, None))
    run = merge_world(world)
    make_comparison(world.right[3], world.wrong[3], submitted_at=LATER + dt.timedelta(hours=1))
    policy = ExportPolicy(minimum_raters=minimum, min_p_preference=LOWEST_P_PREFERENCE)
    splits = {prompt.pk: "train" for prompt in world.prompts}
    chooser = Chooser(policy, "standard", splits, SuspectPrompts(frozenset(), frozenset()))

    cases: Counter[str] = Counter()
    for case in count_pair_cases(run, policy, splits, chooser.suspects):
        for _, _, row in chooser.rows_of_pair(case.pair, ["preference"]):
            cases[row.reason if isinstance(row, LeftOut) else "taken"] += case.num_pairs
    streamed: Counter[str] = Counter()
    for pair in stream_pairs(run, min_p=policy.min_p_preference):
        for _, _, row in chooser.rows_of_pair(pair, ["preference"]):
            streamed[row.reason if isinstance(row, LeftOut) else "taken"] += 1
    in_columns: Counter[str] = Counter()
    for batch in stream_batches(run, min_p=policy.min_p_preference):
        assert batch.pairs is not None
        found = Verdicts(chooser, [], ["preference"]).sort_pairs(batch.pairs)
        in_columns.update(found.left_out["preference"])
        in_columns["taken"] += sum(len(taken.places) for taken in found.taken.values())

    assert cases == streamed == +in_columns
    assert (
        streamed["taken"] == {2: 4, 3: 2, 4: 0}[minimum]
    )  # of two raters; of three, by ratings or by choosing
