"""`step_preference`: two traces that share their first steps, and the next step of each (Step-DPO, Lai et al. 2024).

A step that a rater picked or wrote in place of the first error makes such a pair too (exports/rewrites.py); then
`chosen_trace` is `rejected_trace`, and `chosen` is the rater's.

`prompt` is the prompt and the shared steps, `chosen` and `rejected` the steps in which they first differ. Always
texts: as messages, the chat template would close the assistant's turn after the shared steps. So the chat template of
the model that wrote the traces is rendered here, around the prompt, and the shared steps follow in the open turn:
exactly what the model had before it when it wrote the next step. Where no template is known (traces that came from
elsewhere, models without one) the steps follow the prompt as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from annotation.rules.chat_template import BadChatTemplate
from exports.formats.dataset import FormName, Row
from exports.formats.preference import PAIR_IDS, pair_id_columns, pair_ids
from exports.labels import BAD, GOOD, LeftOut, label_step
from exports.pair_columns import Pairs, join_before, values_at
from exports.policy import ExportPolicy
from exports.rows import JudgedPair
from exports.trace_columns import column_of


def schema(form: FormName) -> pa.Schema:
    text = pa.string()
    return pa.schema(
        [("prompt", text), ("chosen", text), ("rejected", text), ("margin", pa.float64()), *PAIR_IDS]
    )


def make_row(pair: JudgedPair, policy: ExportPolicy, form: FormName) -> Row | LeftOut:
    """A row where the chosen trace's differing step stands and the rejected one's does not, by the policy's labels."""
    chosen, rejected = pair.chosen.steps, pair.rejected.steps
    fork = next((i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), None)
    if fork is None or not pair.chosen.posterior or not pair.rejected.posterior:
        return LeftOut("no_shared_error")
    labels = (
        label_step(pair.chosen.posterior[fork], policy),
        label_step(pair.rejected.posterior[fork], policy),
    )
    if labels != (GOOD, BAD):
        return LeftOut("no_shared_error")
    if not chosen[fork].strip() or not rejected[fork].strip():
        return LeftOut("empty_completion")
    try:
        opening = pair.chosen.opening
        if pair.rejected.opening != opening:
            return LeftOut("different_prompts")
    except BadChatTemplate:
        return LeftOut("broken_chat_template")
    return {
        "prompt": opening + "".join(chosen[:fork]),
        "chosen": chosen[fork],
        "rejected": rejected[fork],
        "margin": pair.margin,
        **pair_ids(pair),
    }


def make_table(pairs: Pairs, stand_ins: Sequence[Row], form: FormName) -> pa.Table:
    """Columns of the rows that `make_row` makes of these pairs, each of which has a fork."""
    chosen, rejected = column_of(pairs.chosen, "steps"), column_of(pairs.rejected, "steps")
    columns = {
        "prompt": pc.binary_join_element_wise(pairs.prompts, join_before(chosen, pairs.forks), ""),
        "chosen": values_at(chosen, pairs.forks),
        "rejected": values_at(rejected, pairs.forks),
        "margin": pairs.margin,
        **pair_id_columns(pairs),
    }
    return pa.table(columns, schema=schema(form))
