"""`unpaired_preference`: completions that are desirable or not, for KTO.

`label` is a real boolean: cast from numbers, -1 and 0.5 would both become True.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from exports.formats.dataset import (
    IDS,
    FormName,
    Row,
    as_assistant,
    as_user,
    assistant_column,
    text_type,
    user_column,
)
from exports.labels import GOOD, MASKED, LeftOut, label_step
from exports.policy import ExportPolicy
from exports.rows import JudgedTrace
from exports.trace_columns import column_of, id_columns


def schema(form: FormName) -> pa.Schema:
    return pa.schema(
        [("prompt", text_type(form)), ("completion", text_type(form)), ("label", pa.bool_()), *IDS]
    )


def make_row(trace: JudgedTrace, policy: ExportPolicy, form: FormName) -> Row | LeftOut:
    """A row, or LeftOut where P(trace) lies between the thresholds."""
    if not trace.completion.strip():
        return LeftOut("empty_completion")
    if trace.p_trace is None:
        return LeftOut("no_evidence")
    label = label_step(trace.p_trace, policy)
    if label == MASKED:
        return LeftOut("undecided")
    return {
        "prompt": as_user(trace.prompt, form),
        "completion": as_assistant(trace.completion, form),
        "label": label == GOOD,
        "prompt_id": str(trace.prompt_id),
        "trace_id": str(trace.trace_id),
        "provenance": trace.provenance,
    }


def make_table(traces: pa.Table, stand_ins: Sequence[Row], form: FormName) -> pa.Table:
    """Columns of the rows that `make_row` makes of these traces; `stand_ins`: the row of each one's stand-in."""
    columns = {
        "prompt": user_column(column_of(traces, "prompt"), form),
        "completion": assistant_column(column_of(traces, "completion"), form),
        "label": pa.array([row["label"] for row in stand_ins], pa.bool_()),
        **id_columns(traces),
    }
    return pa.table(columns, schema=schema(form))
