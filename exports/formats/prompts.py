"""`prompts`: what GRPO and RLOO sample from. Rewards get `ground_truth`, `verifier` and `prompt_id` as keyword lists.

Nulls are never written: a prompt without a verifier has the empty text, and a verifier's reward answers `None` to it.
"""

from __future__ import annotations

import pyarrow as pa

from exports.formats.dataset import FormName, Row, as_user, text_type
from exports.rows import AskedPrompt


def schema(form: FormName) -> pa.Schema:
    text = pa.string()
    return pa.schema(
        [("prompt", text_type(form)), ("ground_truth", text), ("verifier", text), ("prompt_id", text)]
    )


def make_row(prompt: AskedPrompt, form: FormName) -> Row:
    return {
        "prompt": as_user(prompt.text, form),
        "ground_truth": prompt.ground_truth,
        "verifier": prompt.verifier,
        "prompt_id": str(prompt.prompt_id),
    }
