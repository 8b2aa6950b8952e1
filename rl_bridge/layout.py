"""The token layout of a trace: the text the policy saw, and where each step ends in it.

The prompt goes through the model's own chat template with the generation prompt; the completion follows byte for byte.
Both are tokenized apart and put together, as they were when the policy continued the prompt, so no token spans the two.
"""

import bisect
import dataclasses
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerBase

from rl_bridge.data import IGNORED, Prompt, StepwiseRow
from rl_bridge.errors import BridgeError


class TraceTooLong(BridgeError):
    """The completion alone has more tokens than fit, so cutting the prompt would not be enough."""


class TokenizerNotSupported(BridgeError):
    """The tokenizer can't say which characters a token stands for, so steps can't be located."""


@dataclasses.dataclass(frozen=True, slots=True)
class EncodedTrace:
    """A trace of T tokens and S steps.

    `positions` are S indices into `input_ids`: the token that holds the step's last character. Where the tokenizer
    drops that character, the token before it; `is_located` is False where that token belongs to an earlier step.
    `num_prompt_tokens_cut` counts what was cut from the left of the prompt, `num_prompt_tokens` what is left of it.
    """

    input_ids: list[int]
    positions: list[int]
    is_located: list[bool]
    num_prompt_tokens_cut: int
    num_prompt_tokens: int


@dataclasses.dataclass(frozen=True, slots=True)
class TraceTargets:
    """What training wants of the S steps: the probability that each stands, and whether it counts at all."""

    values: list[float]
    counted: list[bool]


class TraceEncoder:
    """Encodes traces with one tokenizer. Raises `TokenizerNotSupported` where that knows no character offsets."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> None:
        if not tokenizer.is_fast:
            raise TokenizerNotSupported(f"{type(tokenizer).__name__} knows no character offsets.")
        self.tokenizer = tokenizer
        self.max_length = max_length
        # A copy without post-processing: byte-level post-processors may trim spaces off the offsets, and a step's
        # last character is often a space or a line break.
        self._plain: Any = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._plain.post_processor = processors.Sequence([])
        self._plain.no_truncation()
        self._plain.no_padding()

    def encode(self, prompt: Prompt, steps: Sequence[str]) -> EncodedTrace:
        """Lay out one trace. Raises `TraceTooLong` where the completion alone exceeds `max_length` tokens."""
        prompt_ids = self._encode_prompt(prompt)
        encoding = self._plain.encode("".join(steps), add_special_tokens=False)
        room = self.max_length - len(encoding.ids)
        if room < 0:
            raise TraceTooLong(
                f"A completion of {len(encoding.ids)} tokens exceeds the limit of {self.max_length}."
            )
        num_cut = max(0, len(prompt_ids) - room)
        kept = prompt_ids[num_cut:]
        positions, is_located = locate_step_ends(encoding.offsets, steps)
        return EncodedTrace(
            input_ids=kept + encoding.ids,
            positions=[max(0, len(kept) + position) for position in positions],
            is_located=is_located,
            num_prompt_tokens_cut=num_cut,
            num_prompt_tokens=len(kept),
        )

    def _encode_prompt(self, prompt: Prompt) -> list[int]:
        text, is_templated = render_prompt(self.tokenizer, prompt)
        ids: list[int] = self.tokenizer(text, add_special_tokens=not is_templated).input_ids
        return ids


def render_prompt(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> tuple[str, bool]:
    """Return the prompt as the policy saw it, and whether a chat template made it.

    A model without a template gets a text prompt as it is; messages are then their contents, a blank line between.
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if tokenizer.chat_template:
        chat: Any = messages
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)), True
    return "\n\n".join(message["content"] for message in messages), False


def locate_step_ends(
    offsets: Sequence[tuple[int, int]], steps: Sequence[str]
) -> tuple[list[int], list[bool]]:
    """Find the token in which each step ends, from the tokens' character spans `[start, end)` over the joined steps.

    The token is the last one that begins at or before the step's last character: it holds that character, also where
    one character is several tokens, or stands right before it where the tokenizer drops the character (position -1
    where there is none). The flags say whether the token shares a character with its step.
    """
    starts = [start for start, _ in offsets]
    positions: list[int] = []
    is_located: list[bool] = []
    step_start = 0
    for step in steps:
        step_end = step_start + len(step)
        position = bisect.bisect_right(starts, step_end - 1) - 1
        positions.append(position)
        is_located.append(position >= 0 and offsets[position][1] > step_start)
        step_start = step_end
    return positions, is_located


def read_targets(row: StepwiseRow, encoded: EncodedTrace, *, soft: bool) -> TraceTargets:
    """Say what each step should score: its label, or with `soft` its probability; masked steps never count."""
    counted = [
        label != IGNORED and located for label, located in zip(row.labels, encoded.is_located, strict=True)
    ]
    values = row.probabilities if soft else [float(label == 1) for label in row.labels]
    return TraceTargets(values=list(values), counted=counted)
