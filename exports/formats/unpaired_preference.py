"""`unpaired_preference`: completions that are desirable or not, for KTO.

`label` is a real boolean: cast from numbers, -1 and 0.5 would both become True.
"""

from __future__ import annotations

import pyarrow as pa

from exports.formats.dataset import IDS, FormName, Row, as_assistant, as_user, text_type
from exports.labels import GOOD, MASKED, LeftOut, label_step
from exports.policy import ExportPolicy
from exports.rows import JudgedTrace


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
