"""`stepwise`: a trace's steps and a label for each. Read by our PRM trainer and by TRL's up to 1.13.

Standard form only: TRL never had another, and a message would close the assistant's turn after each step.
`completions` are the exact steps, separators included, so they join to the completion; nothing is to be inserted
between them. Labels are 1, 0 and -100, as integers: the old trainer casts with `int()` and would make 0 of 0.97.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from exports.formats.dataset import IDS, FormName, Row
from exports.labels import MASKED, LeftOut, label_steps
from exports.policy import ExportPolicy
from exports.rows import JudgedTrace
from exports.trace_columns import id_columns


def schema(form: FormName) -> pa.Schema:
    return pa.schema(
        [
            ("prompt", pa.string()),
            ("completions", pa.list_(pa.string())),
            ("labels", pa.list_(pa.int8())),
            ("probabilities", pa.list_(pa.float64())),
            *IDS,
        ]
    )


def make_row(trace: JudgedTrace, policy: ExportPolicy, form: FormName) -> Row | LeftOut:
    """A row, or LeftOut where it would train on nothing."""
    if not trace.completion.strip():
        return LeftOut("empty_completion")
    labels = label_steps(trace, policy)
    if all(label == MASKED for label in labels):
        return LeftOut("no_clear_step")
    return {
        "prompt": trace.prompt,
        "completions": trace.steps,
        "labels": labels,
        "probabilities": list(trace.posterior),
        "prompt_id": str(trace.prompt_id),
        "trace_id": str(trace.trace_id),
        "provenance": trace.provenance,
    }


def make_table(traces: pa.Table, stand_ins: Sequence[Row], form: FormName) -> pa.Table:
    """Columns of the rows that `make_row` makes of these traces; `stand_ins`: the row of each one's stand-in."""
    columns = {
        "prompt": traces["prompt"],
        "completions": traces["steps"],
        "labels": pa.array([row["labels"] for row in stand_ins], pa.list_(pa.int8())),
        "probabilities": traces["posterior"],
        **id_columns(traces),
    }
    return pa.table(columns, schema=schema(form))
