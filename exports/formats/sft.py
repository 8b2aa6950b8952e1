"""`sft`: completions worth imitating, those whose P(trace) reaches the policy's threshold."""

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
from exports.labels import LeftOut
from exports.policy import ExportPolicy
from exports.rows import JudgedTrace
from exports.trace_columns import column_of, id_columns


def schema(form: FormName) -> pa.Schema:
    return pa.schema([("prompt", text_type(form)), ("completion", text_type(form)), *IDS])


def make_row(trace: JudgedTrace, policy: ExportPolicy, form: FormName) -> Row | LeftOut:
    """A row, or LeftOut where the trace is not sure enough to stand."""
    if not trace.completion.strip():
        return LeftOut("empty_completion")
    if trace.p_trace is None:
        return LeftOut("no_evidence")
    if trace.p_trace < policy.sft_from:
        return LeftOut("not_sure_enough")
    return {
        "prompt": as_user(trace.prompt, form),
        "completion": as_assistant(trace.completion, form),
        "prompt_id": str(trace.prompt_id),
        "trace_id": str(trace.trace_id),
        "provenance": trace.provenance,
    }


def make_table(traces: pa.Table, stand_ins: Sequence[Row], form: FormName) -> pa.Table:
    """Columns of the rows that `make_row` makes of these traces; `stand_ins`: the row of each one's stand-in."""
    columns = {
        "prompt": user_column(column_of(traces, "prompt"), form),
        "completion": assistant_column(column_of(traces, "completion"), form),
        **id_columns(traces),
    }
    return pa.table(columns, schema=schema(form))
