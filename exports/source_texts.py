"""The texts that an export's rows are made of, as the database has them: what the written rows are held against.

None is read from a row or from the table that a format made. They come from the columns of prompts and completions, so
that a format that lost a character, took another prompt or cut a step elsewhere is found out (exports/checks.py).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.checks import CheckFailed
from exports.pair_columns import Pairs
from exports.rows import JudgedPair
from exports.trace_columns import Ints, column_of

_BETWEEN = "\x00"


def texts_of_traces(traces: pa.Table) -> pa.Array:
    """Prompt and completion of each trace."""
    return _join(column_of(traces, "prompt"), column_of(traces, "completion"))


def texts_of_pairs(pairs: Pairs) -> pa.Array:
    """Prompt and both completions of each pair."""
    sides = [column_of(side, "completion") for side in (pairs.chosen, pairs.rejected)]
    return _join(column_of(pairs.chosen, "prompt"), *sides)


def texts_of_forks(pairs: Pairs) -> pa.Array:
    """What each side of a pair was given, and had written once it had taken the step in which the two differ.

    Each pair has a fork. The texts are the beginnings of the stored completions, however long the shared steps are.
    """
    sides = [_begin(side, pairs.forks) for side in (pairs.chosen, pairs.rejected)]
    return _join(*(pc.binary_join_element_wise(pairs.prompts, side, "") for side in sides))


def text_of_fork(pair: JudgedPair) -> str:
    """`texts_of_forks` of one pair."""
    sides = (pair.chosen, pair.rejected)
    fork = next(i for i, (a, b) in enumerate(zip(*(side.steps for side in sides), strict=False)) if a != b)
    return _BETWEEN.join(side.opening + side.completion[: side.step_ends[fork]] for side in sides)


def check_joined(traces: pa.Table) -> None:
    """Raises CheckFailed where the steps of a trace, joined, are not its completion."""
    is_same = pc.equal(pc.binary_join(column_of(traces, "steps"), ""), column_of(traces, "completion"))
    if (place := pc.index(is_same, False).as_py()) >= 0:
        raise CheckFailed(
            f"The steps of trace {traces['trace_id'][place]} do not join to its completion, so nothing was exported."
        )


def _join(*columns: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*columns, _BETWEEN)


def _begin(traces: pa.Table, last_steps: Ints) -> pa.Array:
    """Of each completion its beginning, up to and with the step at this place. The text is the completion's own."""
    steps, completions = column_of(traces, "steps"), column_of(traces, "completion")
    ends = np.cumsum(pc.binary_length(steps.flatten()).to_numpy(zero_copy_only=False), dtype=np.int64)
    num_steps = pc.list_value_length(steps).to_numpy(zero_copy_only=False).astype(np.int64)
    before = np.concatenate([np.zeros(1, np.int64), ends])
    first = np.cumsum(num_steps) - num_steps
    num_bytes = before[first + last_steps + 1] - before[first]
    _, offsets, content = completions.buffers()
    bounds = np.frombuffer(offsets, np.int32)[completions.offset : completions.offset + len(completions) + 1]
    cuts = np.empty(2 * len(completions) + 1, np.int32)
    cuts[::2], cuts[1::2] = bounds, bounds[:-1] + num_bytes
    halves = pa.StringArray.from_buffers(2 * len(completions), pa.py_buffer(cuts), content)
    return halves.take(pa.array(range(0, 2 * len(completions), 2), pa.int64()))
