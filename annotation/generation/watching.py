"""What looks on while transformers generates: one stops it when asked to, one keeps the log-probabilities."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria

STOP_CHECK_SECONDS = 1.0
ENOUGH_CHECK_TOKENS = 8


class StopWhenAsked(StoppingCriteria):
    """Asks `should_stop` about once a second, between two tokens, and ends all sequences once it is true."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        self._asked_at = time.monotonic()
        self.was_stopped = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        if not self.was_stopped and time.monotonic() - self._asked_at >= STOP_CHECK_SECONDS:
            self.was_stopped = self._should_stop()
            self._asked_at = time.monotonic()
        return torch.full((input_ids.shape[0],), self.was_stopped, device=input_ids.device, dtype=torch.bool)


class StopWhenEnough(StoppingCriteria):
    """Ends all sequences once each one's own question says that what was written is enough; asked every few tokens.

    Without a question for each of them it never ends anything.
    """

    def __init__(self, tokenizer: Any, questions: Sequence[Callable[[str], bool] | None]) -> None:
        self._tokenizer = tokenizer
        self._questions = [question for question in questions if question is not None]
        self._is_asked = len(self._questions) == len(questions)
        self._num_prompt_tokens: int | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        if self._num_prompt_tokens is None:
            self._num_prompt_tokens = input_ids.shape[1] - 1  # called first with one token drawn
        new_tokens = input_ids[:, self._num_prompt_tokens :]
        is_over = self._is_asked and new_tokens.shape[1] % ENOUGH_CHECK_TOKENS == 0 and self._ask(new_tokens)
        return torch.full((input_ids.shape[0],), is_over, device=input_ids.device, dtype=torch.bool)

    def _ask(self, new_tokens: torch.Tensor) -> bool:
        texts = self._tokenizer.batch_decode(new_tokens, skip_special_tokens=True)
        return all(question(text) for question, text in zip(self._questions, texts, strict=True))


class LogprobRecorder(LogitsProcessor):
    """Keeps each drawn token's log-probability under the model itself, one number a token.

    Keeping all logits instead (`output_logits`) takes 300 MB for 16 completions of 192 tokens. It has to stand first,
    before temperature and top-p.
    """

    def __init__(self) -> None:
        self._previous: torch.Tensor | None = None
        self._columns: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._record(input_ids[:, -1:])
        self._previous = torch.log_softmax(scores.float(), dim=-1)
        return scores

    def finish(self, sequences: torch.Tensor) -> torch.Tensor:
        """The log-probabilities, shape (requests, new tokens), of what `generate` returned."""
        self._record(sequences[:, -1:])
        self._previous = None
        return torch.cat(self._columns, dim=1)

    def _record(self, drawn: torch.Tensor) -> None:
        if self._previous is not None:
            self._columns.append(self._previous.gather(1, drawn))
