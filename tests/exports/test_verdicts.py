"""Rows made in columns, by case, are the very rows that the rules make of each trace and each pair alone."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from exports import verdicts
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser
from exports.formats.dataset import FormName, Row
from exports.labels import LeftOut
from exports.policy import ExportPolicy
from exports.queries import SuspectPrompts
from exports.rows import Chat, JudgedPair, JudgedTrace
from exports.verdicts import Verdicts
from tests.exports.candidates import as_columns, make_pair, make_trace, pairs_as_columns

P = st.sampled_from((0.0, 0.05, 0.2, 0.5, 0.8, 0.85, 0.9, 0.95, 1.0))
SPLITS = {10: "train", 11: "test", 12: "validation"}
FORMS: tuple[FormName, ...] = ("standard", "conversational")
STEP_TEXTS = st.sampled_from(["One.\n", "Two.\n", "é", " ", "\n"])
CHATS = {
    7: Chat("<{{ messages[0]['content'] }}>", {}, dt.datetime(2026, 3, 1)),
    8: Chat("{% no end", {}, dt.datetime(2026, 3, 1)),
}
POLICIES = st.builds(
    ExportPolicy,
    after_error=st.sampled_from(["label", "mask"]),
    minimum_raters=st.integers(1, 3),
    evidence=st.sampled_from([("human",), ("human", "hybrid", "ai")]),
    models=st.sampled_from([(), ("tiny",)]),
    batches=st.sampled_from([(), (7,)]),
    languages=st.sampled_from([(), ("en",)]),
    made_from=st.sampled_from(["", "2026-03-02"]),
    uses_gold_in_evaluation=st.booleans(),
    leaves_out_bad_prompts=st.booleans(),
)


@st.composite
def judged_traces(draw: st.DrawFn, prompt_id: int | None = None) -> JudgedTrace:
    steps = draw(st.lists(STEP_TEXTS, min_size=1, max_size=4))
    posterior = draw(st.just([]) | st.lists(P, min_size=len(steps), max_size=len(steps)))
    batch = draw(st.sampled_from([None, 7, 8, 9]))
    return make_trace(
        posterior,
        steps,
        trace_id=draw(st.integers(1, 10**12)),
        prompt_id=prompt_id or draw(st.sampled_from(sorted(SPLITS))),
        prompt=draw(st.sampled_from(["What is it?", "What is it not?"])),
        provenance=draw(st.sampled_from(("human", "hybrid", "ai", "gold", "none"))),
        num_blind_raters=draw(st.integers(0, 4)),
        model=draw(st.sampled_from(["tiny", "large"])),
        language=draw(st.sampled_from(["", "en"])),
        made_on=draw(st.sampled_from([dt.date(2026, 3, 1), dt.date(2026, 3, 2)])),
        batch_id=batch,
        chat=CHATS.get(batch or 0),
    )


@st.composite
def judged_pairs(draw: st.DrawFn) -> JudgedPair:
    prompt = draw(st.sampled_from(sorted(SPLITS)))
    return make_pair(
        draw(judged_traces(prompt)),
        draw(judged_traces(prompt)),
        num_choosing=draw(st.integers(0, 4)),
        margin=draw(st.sampled_from((0.0, 1.5, 3.0))),
        provenance=draw(st.sampled_from(("human", "hybrid", "ai", "none"))),
    )


def make_chooser(policy: ExportPolicy, form: FormName) -> Chooser:
    return Chooser(policy, form, SPLITS, SuspectPrompts(frozenset({12}), frozenset()))


Verdict = Iterable[tuple[str, str, Row | LeftOut]]


def sort_alone(found: Iterable[Verdict]) -> tuple[dict[tuple[str, str], list[Row]], Counter[tuple[str, str]]]:
    """The definition: each candidate by itself."""
    rows: dict[tuple[str, str], list[Row]] = {}
    left_out: Counter[tuple[str, str]] = Counter()
    for config, split, row in itertools.chain.from_iterable(found):
        if isinstance(row, LeftOut):
            left_out[config, row.reason] += 1
        else:
            rows.setdefault((config, split), []).append(row)
    return rows, left_out


def sort_in_columns(found: verdicts.Sorted, take: Any, formats: dict[str, Any], form: FormName) -> Any:
    rows = {
        (config, split): formats[config].make_table(take(taken.places), taken.stand_ins, form).to_pylist()
        for (config, split), taken in found.taken.items()
    }
    left_out = {
        (config, reason): num for config, why in found.left_out.items() for reason, num in why.items()
    }
    return rows, left_out


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(judged_traces(), min_size=1, max_size=6), POLICIES, st.sampled_from(FORMS))
def test_traces_in_columns_make_the_rows_of_each_trace(
    traces: Sequence[JudgedTrace], policy: ExportPolicy, form: FormName
) -> None:
    chooser = make_chooser(policy, form)
    table = as_columns(traces)

    found = Verdicts(chooser, TRACE_FORMATS, PAIR_FORMATS).sort_traces(table)

    made = sort_in_columns(found, lambda places: table.take(pa.array(places)), TRACE_FORMATS, form)
    assert made == sort_alone(chooser.rows_of_trace(trace, TRACE_FORMATS) for trace in traces)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(judged_pairs(), min_size=1, max_size=6), POLICIES, st.sampled_from(FORMS))
def test_pairs_in_columns_make_the_rows_of_each_pair(
    judged: Sequence[JudgedPair], policy: ExportPolicy, form: FormName
) -> None:
    chooser = make_chooser(policy, form)
    pairs = pairs_as_columns(judged)

    found = Verdicts(chooser, TRACE_FORMATS, PAIR_FORMATS).sort_pairs(pairs)

    made = sort_in_columns(found, pairs.take, PAIR_FORMATS, form)
    assert made == sort_alone(chooser.rows_of_pair(pair, PAIR_FORMATS) for pair in judged)


def test_the_rules_are_asked_once_a_case() -> None:
    chooser = make_chooser(ExportPolicy(), "standard")
    traces = as_columns([make_trace(trace_id=number) for number in range(50)])

    with patch.object(verdicts, "stand_in_for_trace", wraps=verdicts.stand_in_for_trace) as made:
        sorter = Verdicts(chooser, TRACE_FORMATS, PAIR_FORMATS)
        sorter.sort_traces(traces)
        sorter.sort_traces(traces)

    assert made.call_count == 1


def test_more_cases_than_are_kept_are_asked_again() -> None:
    chooser = make_chooser(ExportPolicy(), "standard")
    traces = as_columns([make_trace((p,), ("x",)) for p in (0.99, 0.01, 0.99, 0.01)])

    with patch.object(verdicts, "_MOST_KEPT", 1):
        found = Verdicts(chooser, ["sft"], []).sort_traces(traces)

    assert found.taken["sft", "train"].places == [0, 2]
    assert found.left_out["sft"] == {"not_sure_enough": 2}
