"""Tokens are counted as they are told, and estimated where they are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from annotation.generation.backend import (
    BackendDescription,
    ChatTemplate,
    Completion,
    GenerationRequest,
    MeteredBackend,
    Refusal,
    Sampling,
    estimate_tokens,
)


class Answers:
    """A backend that gives what a test wrote."""

    def __init__(self, *results: Completion | Refusal) -> None:
        self._results = list(results)

    def describe(self) -> BackendDescription:
        return BackendDescription("scripted", "a script", "1", "none", "paper", 1, {})

    def describe_chat(self) -> ChatTemplate:
        return ChatTemplate("", {})

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling, should_stop: Callable[[], bool]
    ) -> list[Completion | Refusal]:
        return self._results


def meter(*results: Completion | Refusal) -> tuple[int, int]:
    metered = MeteredBackend(Answers(*results))
    asked = [GenerationRequest("What is 3 + 4?", answer_begins="It ") for _ in results]  # 17 bytes
    metered.generate(asked, Sampling(1.0, 1.0, 8, 1), lambda: False)
    return metered.num_prompt_tokens, metered.num_tokens


def test_what_is_told_is_counted() -> None:
    told = Completion("seven", 20, 3, "stop", None)

    assert meter(told, told, Refusal("Too long.")) == (40, 6)


def test_what_is_not_told_is_estimated_by_the_length_of_the_texts() -> None:
    assert meter(Completion("It is 7.", None, None, "stop", None)) == (5, 2)
    assert meter(Completion("It is 7.", None, 9, "stop", None)) == (5, 9)
    assert meter(Completion("", 0, 0, "stop", None)) == (0, 0)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("a", 1), ("word " * 8, 10), ("سبعة", 2), ("half \ud83d", 2)]
)
def test_four_bytes_are_taken_for_a_token(text: str, count: int) -> None:
    assert estimate_tokens(text) == count
