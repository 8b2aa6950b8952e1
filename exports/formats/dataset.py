"""What every dataset type shares: its columns, and how a text becomes a message.

Standard form: texts. Conversational form: lists of `{"role", "content"}`. TRL's page "Dataset formats and types"
names both. A format turns one judged trace, pair or prompt into one row, or says why it does not.
"""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa

FormName = Literal["standard", "conversational"]
Row = dict[str, Any]
"""One row of a dataset, by column; its types are the schema's."""

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
IDS = (("prompt_id", pa.string()), ("trace_id", pa.string()), ("provenance", pa.string()))
"""Where a row comes from. TRL's trainers read columns by name, and these names mean nothing to them."""


def text_type(form: FormName) -> pa.DataType:
    """The type of a prompt or a completion in this form."""
    return pa.string() if form == "standard" else MESSAGES


def user_column(texts: pa.Array, form: FormName) -> pa.Array:
    """`as_user` of many texts."""
    return texts if form == "standard" else _as_messages("user", texts)


def assistant_column(texts: pa.Array, form: FormName) -> pa.Array:
    """`as_assistant` of many texts."""
    return texts if form == "standard" else _as_messages("assistant", texts)


def as_user(text: str, form: FormName) -> str | list[dict[str, str]]:
    """A prompt in this form."""
    return text if form == "standard" else [{"role": "user", "content": text}]


def as_assistant(text: str, form: FormName) -> str | list[dict[str, str]]:
    """A completion in this form."""
    return text if form == "standard" else [{"role": "assistant", "content": text}]


def _as_messages(role: str, texts: pa.Array) -> pa.Array:
    messages = pa.StructArray.from_arrays(
        [pa.array([role]).take(pa.array([0] * len(texts), pa.int32())), texts],
        fields=list(MESSAGES.value_type),
    )
    return pa.ListArray.from_arrays(pa.array(range(len(texts) + 1), pa.int32()), messages, type=MESSAGES)
