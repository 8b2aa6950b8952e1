"""What every backend that produces completions offers: requests in, a completion or a refusal for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class GenerationStopped(Exception):
    """`should_stop` said so in the middle; nothing was made."""


@dataclass(frozen=True)
class GenerationRequest:
    """One completion wanted: what the user says to the model. The backend puts it into the model's chat form.

    The model goes on from `answer_begins`, which the completion leaves out. `is_enough` is asked now and then about
    what it wrote so far; once it is true of every request of a call, the call ends there. `seed` is of this request
    alone; a backend that draws all requests of a call together takes the call's instead.
    """

    text: str
    answer_begins: str = ""
    is_enough: Callable[[str], bool] | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 takes the likeliest one. The same seed gives the same text."""

    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int


@dataclass(frozen=True)
class Completion:
    """What the model wrote, byte for byte, without the token that ended it.

    num_tokens counts the tokens of the text; mean_logprob is the mean natural logarithm of the probability that the
    model itself (temperature 1, no top-p) gave to each token, the closing one included. finish_reason is "stop" where
    the model ended, "length" where it was cut off. A server may leave any of the numbers untold.
    """

    text: str
    num_prompt_tokens: int | None
    num_tokens: int | None
    finish_reason: str
    mean_logprob: float | None


@dataclass(frozen=True)
class Refusal:
    """Why there is no completion for a request, in one sentence."""

    reason: str


@dataclass(frozen=True)
class BackendDescription:
    """What must be the same for the same text to come out again. `device` is a server's address, where one is asked."""

    backend: str
    model: str
    revision: str
    dtype: str
    device: str
    num_threads: int
    versions: dict[str, str]


@dataclass(frozen=True)
class ChatTemplate:
    """How the model wants a conversation written: a Jinja template (empty where it has none), and the special
    tokens that the template may name, such as `bos_token`."""

    template: str
    special_tokens: dict[str, str]


class Backend(Protocol):
    """A way to a language model."""

    def describe(self) -> BackendDescription: ...

    def describe_chat(self) -> ChatTemplate: ...

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        sampling: Sampling,
        should_stop: Callable[[], bool],
    ) -> list[Completion | Refusal]:
        """One completion or refusal for each request, in their order.

        Calls `should_stop` about once a second while it works, and raises GenerationStopped once that is true; what
        `should_stop` itself raises comes through.
        """
        ...


_BYTES_IN_TOKEN = (
    4  # of UTF-8: about right for English, and rather too many tokens than too few for other scripts
)


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, where nobody counted them."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_IN_TOKEN)


class MeteredBackend:
    """Implements `Backend` by another one, and counts the tokens that it reads and writes. What a server does not tell
    is estimated: a budget would never be used up otherwise."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.num_prompt_tokens = 0
        self.num_tokens = 0

    def describe(self) -> BackendDescription:
        return self._backend.describe()

    def describe_chat(self) -> ChatTemplate:
        return self._backend.describe_chat()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        sampling: Sampling,
        should_stop: Callable[[], bool],
    ) -> list[Completion | Refusal]:
        """See `Backend.generate`."""
        results = self._backend.generate(requests, sampling, should_stop)
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, Completion):
                self.num_prompt_tokens += _count(
                    result.num_prompt_tokens, request.text + request.answer_begins
                )
                self.num_tokens += _count(result.num_tokens, result.text)
        return results


def _count(told: int | None, text: str) -> int:
    return estimate_tokens(text) if told is None else told
