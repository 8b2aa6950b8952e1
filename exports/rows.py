"""What a format is given: a trace or a pair with its labels' evidence, free of the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from annotation.rules.chat_template import render_user_turn


@dataclass(frozen=True, slots=True)
class Chat:
    """How the model that wrote a trace wants a conversation written, and when it was asked."""

    template: str
    special_tokens: Mapping[str, str]
    asked_at: dt.datetime


@dataclass(frozen=True)  # no slots: `steps` is kept, since several datasets ask for it
class JudgedTrace:
    """A trace and what the merge says of it. `prompt` is the text the model was given as the user's message.

    `posterior` has one P(step stands) a step, or is empty where there was no evidence at all; then `p_trace` and
    `first_error` are None. `first_error` is -1 for none.
    """

    trace_id: int
    prompt_id: int
    prompt: str
    completion: str
    step_ends: tuple[int, ...]
    model: str
    segmenter: str
    posterior: tuple[float, ...]
    p_trace: float | None
    first_error: int | None
    provenance: str
    num_blind_raters: int
    chat: Chat | None = None  # None where no batch made the trace, or its model has no chat template
    batch_id: int | None = None
    made_on: dt.date = dt.date.min  # the day, UTC
    language: str = ""  # of the prompt; "" where it was not recognised

    @property
    def opening(self) -> str:
        """The exact text that the completion continues: the prompt in the model's chat template, turn still open.

        Raises BadChatTemplate.
        """
        if self.chat is None:
            return self.prompt
        return render_user_turn(
            self.chat.template, self.chat.special_tokens, self.prompt, asked_at=self.chat.asked_at
        )

    @cached_property
    def steps(self) -> list[str]:
        """The exact texts of the steps; joined they are the completion."""
        return cut_steps(self.completion, self.step_ends)


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Two traces of one prompt, the better one first, as the merge saw them."""

    chosen: JudgedTrace
    rejected: JudgedTrace
    probability: float
    margin: float
    provenance: str
    num_choosing: int = 0  # raters who chose between these two, or called a tie

    @property
    def num_people(self) -> int:
        """How many people vouch for a pair: of those who rated each trace blind, or of those who compared the two."""
        rated = min(self.chosen.num_blind_raters, self.rejected.num_blind_raters)
        return max(rated, self.num_choosing)


@dataclass(frozen=True, slots=True)
class AskedPrompt:
    """A prompt with what a verifier needs. `text` is what a model is given as the user's message."""

    prompt_id: int
    text: str
    ground_truth: str
    verifier: str
    language: str = ""


def cut_steps(completion: str, step_ends: Sequence[int]) -> list[str]:
    """The texts of the steps that end (exclusively) at `step_ends`."""
    return [completion[start:end] for start, end in pairwise((0, *step_ends))]
