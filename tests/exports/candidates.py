"""Makes judged traces and pairs for tests, without a database; and the columns of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from exports.pair_columns import Pairs, make_pairs
from exports.rows import Chat, JudgedPair, JudgedTrace

STEPS = ("One.\n", "Two.\n", "Three.")


def make_trace(
    posterior: Sequence[float] = (0.99, 0.97, 0.95), steps: Sequence[str] = STEPS, **fields: Any
) -> JudgedTrace:
    """A trace with these steps and posteriors, rated by two people."""
    defaults: dict[str, Any] = {
        "trace_id": 1,
        "prompt_id": 10,
        "prompt": "What is it?",
        "completion": "".join(steps),
        "step_ends": tuple(itertools.accumulate(len(step) for step in steps)),
        "model": "tiny",
        "segmenter": "lines@1",
        "posterior": tuple(posterior),
        "p_trace": posterior[-1] if posterior else None,
        "first_error": -1 if posterior else None,
        "provenance": "human",
        "num_blind_raters": 2,
    }
    return JudgedTrace(**{**defaults, **fields})


def make_pair(
    chosen: JudgedTrace | None = None, rejected: JudgedTrace | None = None, **fields: Any
) -> JudgedPair:
    """A right trace over one whose second step is wrong."""
    wrong = ("One.\n", "Too.\n", "Free.")
    defaults: dict[str, Any] = {
        "chosen": chosen or make_trace(),
        "rejected": rejected or make_trace((0.99, 0.05, 0.05), wrong, trace_id=2),
        "probability": 0.97,
        "margin": 2.5,
        "provenance": "human",
    }
    return JudgedPair(**{**defaults, **fields})


def as_columns(traces: Sequence[JudgedTrace]) -> pa.Table:
    """The table that an export would have read of these traces."""
    columns = {
        "trace_id": pa.array([t.trace_id for t in traces], pa.int64()),
        "prompt_id": pa.array([t.prompt_id for t in traces], pa.int64()),
        "batch": pa.array([t.batch_id for t in traces], pa.int64()),
        "raters": pa.array([t.num_blind_raters for t in traces], pa.int64()),
        "prompt": pa.array([t.prompt for t in traces], pa.string()),
        "completion": pa.array([t.completion for t in traces], pa.string()),
        "model": pa.array([t.model for t in traces], pa.string()),
        "day": pa.array([t.made_on.isoformat() for t in traces], pa.string()),
        "language": pa.array([t.language for t in traces], pa.string()),
        "provenance": pa.array([t.provenance for t in traces], pa.string()),
        "p_trace": pa.array([t.p_trace for t in traces], pa.float64()),
        "first_error": pa.array([t.first_error for t in traces], pa.int32()),
        "steps": pa.array([t.steps for t in traces], pa.list_(pa.string())),
        "posterior": pa.array(
            [t.posterior or [None] * len(t.step_ends) for t in traces], pa.list_(pa.float64())
        ),
    }
    return pa.table(columns)


def pairs_as_columns(pairs: Sequence[JudgedPair]) -> Pairs:
    """The columns that an export would have read of these pairs."""
    chats: dict[int, Chat] = {}
    for pair in pairs:
        for trace in (pair.chosen, pair.rejected):
            if trace.chat is not None and trace.batch_id is not None:
                chats[trace.batch_id] = trace.chat
    return make_pairs(
        as_columns([pair.chosen for pair in pairs]),
        as_columns([pair.rejected for pair in pairs]),
        pa.array([pair.margin for pair in pairs], pa.float64()),
        pa.array([pair.provenance for pair in pairs], pa.string()),
        pa.array([pair.num_choosing for pair in pairs], pa.int64()),
        chats=chats,
    )
