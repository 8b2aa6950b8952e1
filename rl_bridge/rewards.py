"""Reward functions: plain functions of columns, as TRL's GRPOTrainer and RLOOTrainer call them.

Each takes lists of N (completions, and any other column by its name) and returns N rewards; `None` means that it does
not apply to that row. Loads no torch: a PRM comes in as a function.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rl_bridge import answers
from rl_bridge.data import Message, Prompt
from rl_bridge.verifiers import check_answer

Completion = str | list[Message]
"""A completion as TRL passes it: text, or for conversational prompts the messages that the policy added."""

CutSteps = Callable[[str], Sequence[str]]
ScoreTraces = Callable[[Sequence[tuple[Prompt, tuple[str, ...]]]], Sequence[Sequence[float]]]
"""Scores N traces, each a prompt and its steps, with one probability a step."""


ScoreCompletions = Callable[[Sequence[tuple[Prompt, str]]], Sequence[float]]
"""Scores N completions, each behind its prompt, with one number without unit."""


class RewardFunction(Protocol):
    """What TRL calls; it logs rewards under `__name__`."""

    __name__: str

    def __call__(
        self, *, prompts: Sequence[Prompt], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]: ...


def outcome_reward(
    completions: Sequence[Completion], ground_truth: Sequence[str], verifier: Sequence[str], **columns: Any
) -> list[float | None]:
    """1 where the final answer is correct, 0 where it isn't, None where no verifier decides (or in time).

    Raises `UnknownVerifier` and `BadGroundTruth`: a broken prompt must not train silently.
    """
    rewards: list[float | None] = []
    for completion, truth, name in zip(completions, ground_truth, verifier, strict=True):
        is_correct = check_answer(verifier=name, completion=read_text(completion), ground_truth=truth)
        rewards.append(None if is_correct is None else float(is_correct))
    return rewards


def format_reward(completions: Sequence[Completion], **columns: Any) -> list[float | None]:
    """1 where the completion states its answer explicitly and closes every `<think>` it opens, else 0."""
    return [float(is_well_formed(read_text(completion))) for completion in completions]


def make_process_reward(*, score_traces: ScoreTraces, cut_steps: CutSteps) -> RewardFunction:
    """Build the reward of a process reward model: its lowest step score, in [0, 1]; None for an empty completion.

    The minimum is the chance that the weakest step stands, so one more good step earns nothing. `cut_steps` must be
    the segmenter that the PRM's labels were made with; it loses no character.
    """

    def process_reward(
        prompts: Sequence[Prompt], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]:
        rewards: list[float | None] = [None] * len(completions)
        texts = [read_text(completion) for completion in completions]
        filled = [i for i, text in enumerate(texts) if text.strip()]
        scored = score_traces([(prompts[i], tuple(cut_steps(texts[i]))) for i in filled])
        for i, scores in zip(filled, scored, strict=True):
            rewards[i] = min(1.0, max(0.0, min(scores)))
        return rewards

    return process_reward


def make_preference_reward(*, score_completions: ScoreCompletions) -> RewardFunction:
    """Build the reward of a reward model: σ(score), in [0, 1]; None for an empty completion.

    A reward model's score is a log-odds up to a constant (Bradley & Terry 1952), so σ keeps its order and bounds it.
    """

    def preference_reward(
        prompts: Sequence[Prompt], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]:
        texts = [read_text(completion) for completion in completions]
        filled = [i for i, text in enumerate(texts) if text.strip()]
        scored = score_completions([(prompts[i], texts[i]) for i in filled])
        rewards: list[float | None] = [None] * len(completions)
        for i, score in zip(filled, scored, strict=True):
            rewards[i] = 1.0 / (1.0 + math.exp(-min(50.0, max(-50.0, score))))
        return rewards

    return preference_reward


def cut_lines(completion: str) -> list[str]:
    """Cut a completion after each run of line breaks: the plainest lossless segmenter, one line a step.

    Blank lines belong to the step before them, leading ones to the first step. `"".join` of the result is the
    completion, always.
    """
    steps: list[str] = []
    for line in completion.splitlines(keepends=True):
        if steps and (not line.strip() or not steps[-1].strip()):
            steps[-1] += line
        else:
            steps.append(line)
    return steps


def read_text(completion: Completion) -> str:
    """The text of a completion; messages are joined as they were generated, in one turn."""
    if isinstance(completion, str):
        return completion
    return "".join(message["content"] for message in completion)


def is_well_formed(text: str) -> bool:
    """Whether the answer is stated explicitly, outside of thinking, and every `<think>` is closed once."""
    opened, closed = text.count("<think>"), text.count("</think>")
    is_closed = opened == closed <= 1 and text.find("<think>") <= text.find("</think>")
    return is_closed and answers.find_stated_answer(text) is not None
