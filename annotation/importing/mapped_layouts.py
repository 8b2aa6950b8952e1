"""Layouts whose columns a person maps: prompts, and prompts with a completion, a conversation or steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from annotation.importing.items import ImportedTrace, Item, join_steps, read_list, read_text
from annotation.importing.layout import Field, Layout, Mapped, Values
from annotation.importing.rows import BadRow
from annotation.importing.step_labels import RATINGS, RIGHT_OR_WRONG, labels_of_first_error, read_labels

_PROMPT = Field("prompt", "Prompt", True, ("prompt", "question", "problem", "input", "instruction", "text"))
_ANSWER = Field(
    "reference_answer",
    "Reference answer",
    False,
    ("reference_answer", "target", "answer", "final_answer", "solution"),
)
_VERIFIER = Field("verifier", "Verifier", False, ("verifier",))
_TRUTH = Field("ground_truth", "What the verifier compares with", False, ("ground_truth",))
_MODEL = Field("model", "Model", False, ("model", "model_name", "generator"))
_COMPLETION = Field("completion", "Completion", True, ("completion", "response", "output", "generation"))
_MESSAGES = Field("messages", "Messages", True, ("messages", "conversation", "conversations"))
_STEPS = Field("steps", "Steps", True, ("steps", "completions"))
_LABELS = Field("labels", "A label for each step", False, ("labels",))
_FIRST_ERROR = Field(
    "first_error", "Index of the first error", False, ("first_error", "mistake_index", "label")
)


def _read_prompt(values: Values, mapped: Mapped) -> Item:
    return _add_answer(Item(read_text(values, mapped["prompt"], is_needed=True)), values, mapped)


def _read_completion(values: Values, mapped: Mapped) -> Item:
    completion = read_text(values, mapped["completion"], is_needed=True)
    return _add_trace(_read_prompt(values, mapped), ImportedTrace(completion), values, mapped)


def _read_messages(values: Values, mapped: Mapped) -> Item:
    """The last turn is the completion; what was said before it is the prompt."""
    name = mapped["messages"]
    turns = [_read_turn(turn, name) for turn in read_list(values, name)]
    if not turns or turns[-1][0] != "assistant" or not turns[-1][1].strip():
        raise BadRow(f"“{name}” does not end in an answer of the assistant.")
    if any(role == "assistant" for role, _ in turns[:-1]):
        raise BadRow(f"“{name}” holds several answers; one prompt with one answer is needed.")
    asked = "\n\n".join(text for _, text in turns[:-1] if text.strip())
    if not asked:
        raise BadRow(f"“{name}” holds nothing before the assistant's answer.")
    item = _add_answer(Item(asked), values, mapped)
    return _add_trace(item, ImportedTrace(turns[-1][1]), values, mapped)


def _read_turn(turn: Any, name: str) -> tuple[str, str]:
    if not isinstance(turn, Mapping) or not isinstance(turn.get("content"), str):
        raise BadRow(f"“{name}” is not a list of objects with “role” and “content”.")
    return str(turn.get("role", "")), turn["content"]


def _read_steps(values: Values, mapped: Mapped) -> Item:
    return _read_labelled(values, mapped, RIGHT_OR_WRONG)


def _read_rated_steps(values: Values, mapped: Mapped) -> Item:
    return _read_labelled(values, mapped, RATINGS)


def _read_labelled(values: Values, mapped: Mapped, meaning: Mapping[int, int]) -> Item:
    completion, ends = join_steps(read_list(values, mapped["steps"]), name=mapped["steps"])
    labels: tuple[int | None, ...] | None = None
    if column := mapped.get("labels"):
        labels = read_labels(read_list(values, column), len(ends), name=column, meaning=meaning)
    elif column := mapped.get("first_error"):
        labels = labels_of_first_error(values.get(column), len(ends), name=column)
    trace = ImportedTrace(completion, ends, labels)
    return _add_trace(_read_prompt(values, mapped), trace, values, mapped)


def _add_answer(item: Item, values: Values, mapped: Mapped) -> Item:
    return dataclasses.replace(
        item,
        reference_answer=_read_optional(values, mapped, "reference_answer"),
        verifier=_read_optional(values, mapped, "verifier"),
        ground_truth=_read_optional(values, mapped, "ground_truth"),
    )


def _add_trace(item: Item, trace: ImportedTrace, values: Values, mapped: Mapped) -> Item:
    model = _read_optional(values, mapped, "model")
    return dataclasses.replace(item, trace=dataclasses.replace(trace, model_name=model))


def _read_optional(values: Values, mapped: Mapped, name: str) -> str:
    return read_text(values, mapped[name]) if mapped.get(name) else ""


PROMPTS = Layout(
    "prompts", "Prompts", "One prompt a row.", _read_prompt, (_PROMPT, _ANSWER, _VERIFIER, _TRUTH)
)
COMPLETIONS = Layout(
    "completions",
    "Prompts with a completion",
    "One trace a row: a prompt and what a model wrote, byte for byte; the segmenter cuts it into steps.",
    _read_completion,
    (_PROMPT, _COMPLETION, _ANSWER, _VERIFIER, _TRUTH, _MODEL),
    has_traces=True,
)
MESSAGES = Layout(
    "messages",
    "Conversations",
    "One trace a row: messages that end in the model's answer, which the segmenter cuts into steps.",
    _read_messages,
    (_MESSAGES, _ANSWER, _VERIFIER, _TRUTH, _MODEL),
    has_traces=True,
)
STEPS = Layout(
    "steps",
    "Prompts with steps, right or wrong",
    "One trace a row, as a list of steps, with 1 or 0 (true or false) for each, as TRL's stepwise layout has, or with "
    "the index of the first error, as ProcessBench and BIG-Bench Mistake have it.",
    _read_steps,
    (_PROMPT, _STEPS, _LABELS, _FIRST_ERROR, _ANSWER, _VERIFIER, _TRUTH, _MODEL),
    has_traces=True,
    has_labels=True,
)
RATED_STEPS = Layout(
    "rated_steps",
    "Prompts with steps, rated −1, 0 or +1",
    "One trace a row, as a list of steps, with a rating for each: −1 bad, 0 neutral, 1 good.",
    _read_rated_steps,
    (_PROMPT, _STEPS, _LABELS, _ANSWER, _VERIFIER, _TRUTH, _MODEL),
    has_traces=True,
    has_labels=True,
)
