"""Which fields of a request a server takes, as its refusals tell: what it does not know is said otherwise, or left out.

Old vLLM wants a top-k of -1 where others want 0; OpenAI's newer models want another name for the limit of tokens;
llama-cpp-python answers 500 where its model was opened without log-probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OPTIONAL = (
    "top_logprobs",
    "logprobs",
    "seed",
    "top_k",
    "min_p",
    "continue_final_message",
    "add_generation_prompt",
    "top_p",
    "temperature",
)
_OTHER_VALUES = {"top_k": -1}  # that mean the same


class ServerFields:
    """What is known of one server. A request is put into its words with `fit`; a refusal teaches with `learn`."""

    def __init__(self) -> None:
        self._left_out: set[str] = set()
        self._said_otherwise: set[str] = set()
        self._limit = "max_tokens"

    @property
    def left_out(self) -> tuple[str, ...]:
        """Fields that the server does not get, so that it does there as it likes."""
        return tuple(sorted(self._left_out))

    def fit(self, body: Mapping[str, Any], *, max_tokens: int) -> dict[str, Any]:
        fitted = {
            name: _OTHER_VALUES[name] if name in self._said_otherwise else value
            for name, value in body.items()
            if name not in self._left_out
        }
        return {**fitted, self._limit: max_tokens}

    def learn(self, reason: str, body: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
        """Whether the refusal is about a field, and the request may be sent again in other words. `sent` is what `fit`
        made of the body: many are on the way at a time, and another may have taught the same meanwhile.

        A word that the prompt holds itself proves nothing: servers quote what they refuse. The likeliest token is
        never given up: without its temperature of 0 a server would draw.
        """
        if self.fit(body, max_tokens=0).keys() ^ sent.keys() or any(
            sent[name] == body[name] for name in self._said_otherwise & sent.keys()
        ):
            return True
        if self._limit == "max_tokens" and "max_completion_tokens" in reason and "instead" in reason:
            self._limit = "max_completion_tokens"
            return True
        said = " ".join(str(message.get("content", "")) for message in body.get("messages", ()))
        for name in _OPTIONAL:
            if name not in body or name in self._left_out or name not in reason or name in said:
                continue
            if name in _OTHER_VALUES and name not in self._said_otherwise:
                self._said_otherwise.add(name)
                return True
            if name == "temperature" and body[name] == 0:
                continue
            self._left_out.add(name)
            return True
        return False
