"""`preference`: a chosen and a rejected completion of one prompt, for DPO and reward models.

Every row has a margin (the difference of strengths, 0 to 3): TRL takes a margin in every row or in none. The two
traces are named `chosen_trace` and `rejected_trace`, since `chosen_ids` and `rejected_ids` would pass for tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from exports.formats.dataset import (
    FormName,
    Row,
    as_assistant,
    as_user,
    assistant_column,
    text_type,
    user_column,
)
from exports.labels import LeftOut
from exports.pair_columns import Pairs
from exports.policy import ExportPolicy
from exports.rows import JudgedPair
from exports.trace_columns import column_of

PAIR_IDS = (
    ("prompt_id", pa.string()),
    ("chosen_trace", pa.string()),
    ("rejected_trace", pa.string()),
    ("provenance", pa.string()),
)


def schema(form: FormName) -> pa.Schema:
    text = text_type(form)
    return pa.schema(
        [("prompt", text), ("chosen", text), ("rejected", text), ("margin", pa.float64()), *PAIR_IDS]
    )


def make_row(pair: JudgedPair, policy: ExportPolicy, form: FormName) -> Row | LeftOut:
    """A row for a pair that the policy takes."""
    return {
        "prompt": as_user(pair.chosen.prompt, form),
        "chosen": as_assistant(pair.chosen.completion, form),
        "rejected": as_assistant(pair.rejected.completion, form),
        "margin": pair.margin,
        **pair_ids(pair),
    }


def pair_ids(pair: JudgedPair) -> Row:
    """Where a pair comes from."""
    return {
        "prompt_id": str(pair.chosen.prompt_id),
        "chosen_trace": str(pair.chosen.trace_id),
        "rejected_trace": str(pair.rejected.trace_id),
        "provenance": pair.provenance,
    }


def make_table(pairs: Pairs, stand_ins: Sequence[Row], form: FormName) -> pa.Table:
    """Columns of the rows that `make_row` makes of these pairs."""
    columns = {
        "prompt": user_column(column_of(pairs.chosen, "prompt"), form),
        "chosen": assistant_column(column_of(pairs.chosen, "completion"), form),
        "rejected": assistant_column(column_of(pairs.rejected, "completion"), form),
        "margin": pairs.margin,
        **pair_id_columns(pairs),
    }
    return pa.table(columns, schema=schema(form))


def pair_id_columns(pairs: Pairs) -> dict[str, pa.Array]:
    """`pair_ids` of many pairs."""
    return {
        "prompt_id": pairs.chosen["prompt_id"].cast(pa.string()),
        "chosen_trace": pairs.chosen["trace_id"].cast(pa.string()),
        "rejected_trace": pairs.rejected["trace_id"].cast(pa.string()),
        "provenance": pairs.provenance,
    }
