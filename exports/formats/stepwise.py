"""`stepwise`: a trace's steps and a label for each. Read by our PRM trainer and by TRL's up to 1.13.

Standard form only: TRL never had another, and a message would close the assistant's turn after each step.
`completions` are the exact steps, separators included, so they join to the completion; nothing is to be inserted
between them. Labels are 1, 0 and -100, as integers: the old trainer casts with `int()` and would make 0 of 0.97.
"""

from __future__ import annotations

import pyarrow as pa

from exports.formats.dataset import IDS, FormName, Row
from exports.labels import MASKED, LeftOut, label_steps
from exports.policy import ExportPolicy
from exports.rows import JudgedTrace


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
