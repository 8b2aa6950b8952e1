"""What trainers of TRL are handed: prompts as the policy saw them, and only rows that fit whole."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from transformers import PreTrainedTokenizerBase

from rl_bridge import runs
from rl_bridge.data import is_text
from rl_bridge.layout import render_prompt

_ROWS_AT_ONCE = 1_000
_END_OF_TURN = 1  # TRL closes a text that doesn't close itself with one token


def render_prompts(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> pa.Table:
    """Put text prompts into the model's chat template, as when the policy answered them; messages stay messages.

    TRL takes texts as they are. Where the tokenizer itself begins a text with its first token, the template's is taken
    off, or there would be two. (`step_preference` prompts end in shared steps, so no template fits around them.)
    """
    if not is_text(table.schema.field("prompt").type):
        return table
    begins = bool(tokenizer("").input_ids) and isinstance(tokenizer.bos_token, str)
    first = str(tokenizer.bos_token) if begins else ""
    rendered = [
        render_prompt(tokenizer, prompt)[0].removeprefix(first) for prompt in table["prompt"].to_pylist()
    ]
    column = table.schema.get_field_index("prompt")
    return table.set_column(column, "prompt", pa.array(rendered, pa.string()))


def keep_fitting(
    table: pa.Table, tokenizer: PreTrainedTokenizerBase, *, answers: Sequence[str], limit: int, split: str
) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows whose prompt and each of `answers` (columns) fit `limit` tokens together, and a sentence if some don't.

    A trainer would cut the others on the right, and so teach completions that never end. Raises `NothingToTrainOn`.
    """
    longest = [0] * table.num_rows
    for answer in answers:
        for place, length in enumerate(_measure(table, tokenizer, answer)):
            longest[place] = max(longest[place], length)
    kept = [place for place, length in enumerate(longest) if length <= limit]
    lost = table.num_rows - len(kept)
    if not lost:
        return table, ()
    out = f"{lost} of {table.num_rows} {split} rows left out"
    words = f"{out}: they exceed {limit} tokens (the longest has {max(longest)})."
    if not kept:
        raise runs.NothingToTrainOn(f"No row is left. {words}")
    return table.take(kept), (words,)


def _measure(table: pa.Table, tokenizer: PreTrainedTokenizerBase, answer: str) -> list[int]:
    """Tokens of prompt and answer together, for each row."""
    lengths: list[int] = []
    for batch in table.select(["prompt", answer]).to_batches(_ROWS_AT_ONCE):
        texts = [_join(tokenizer, row["prompt"], row[answer]) for row in batch.to_pylist()]
        lengths += [len(ids) + _END_OF_TURN for ids in tokenizer(texts).input_ids]
    return lengths


def _join(tokenizer: PreTrainedTokenizerBase, prompt: Any, answer: Any) -> str:
    if isinstance(prompt, str):
        return f"{prompt}{answer}"
    if tokenizer.chat_template:
        return str(tokenizer.apply_chat_template([*prompt, *answer], tokenize=False))
    return "\n".join(message["content"] for message in [*prompt, *answer])
