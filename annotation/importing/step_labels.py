"""Step labels as others store them, as labels of ours: −1 bad, 0 neutral, +1 good, None not judged.

PRM800K: Lightman et al. 2023, "Let's Verify Step by Step", the files of its repository.
Math-Shepherd: Wang et al. 2024, the data set's `input`, `label` and `task` columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from annotation.importing.items import (
    ImportedTrace,
    Item,
    Outcome,
    join_steps,
    read_index,
    read_list,
    read_text,
)
from annotation.importing.layout import Layout, Mapped, Values
from annotation.importing.rows import BadRow

_SHEPHERD_MARK = "ки"  # in `input` at the end of each step, where `label` has + or −
_OUTCOMES: dict[str, Outcome] = {"bad_problem": "bad_problem", "give_up": "give_up"}


RIGHT_OR_WRONG: Mapping[int, int] = {0: -1, 1: 1}
"""TRL's stepwise labels: 1 or true stands, 0 or false does not. −1 is none of them, so no rating is misread."""
RATINGS: Mapping[int, int] = {-1: -1, 0: 0, 1: 1}
"""PRM800K's scale: bad, neutral, good."""


def read_labels(
    labels: Sequence[Any], num_steps: int, *, name: str, meaning: Mapping[int, int]
) -> tuple[int | None, ...]:
    """One label a step; −100 and null say nothing of theirs. Raises BadRow."""
    if len(labels) != num_steps:
        raise BadRow(f"“{name}” holds {len(labels)} labels for {num_steps} steps.")
    return tuple(_read_label(label, index, name, meaning) for index, label in enumerate(labels))


def _read_label(label: Any, index: int, name: str, meaning: Mapping[int, int]) -> int | None:
    if label is None or (isinstance(label, int | float) and label == -100):
        return None
    if isinstance(label, int | float) and label in meaning:
        return meaning[int(label)]
    known = ", ".join(str(value) for value in meaning)
    raise BadRow(f"label {index + 1} of “{name}” is {label!r:.40}; known are {known} and null.")


def labels_of_first_error(index: Any, num_steps: int, *, name: str) -> tuple[int | None, ...]:
    """Good up to the first error, bad there, and not judged behind; all good for −1 or null. Raises BadRow."""
    index = read_index(index)
    if index in (None, "", -1):
        return (1,) * num_steps
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < num_steps:
        raise BadRow(f"“{name}” is {index!r:.40}, but there are {num_steps} steps, counted from 0.")
    return (*[1] * index, -1, *[None] * (num_steps - index - 1))


def _read_prm800k(values: Values, mapped: Mapped) -> Item:
    """The path that the labeller followed: at each step the completion chosen, the one a person wrote, or at the
    end the one that was found to be wrong."""
    question, label = _read_object(values, "question"), _read_object(values, "label")
    finish = str(label.get("finish_reason", ""))
    steps: list[str] = []
    labels: list[int | None] = []
    for number, step in enumerate(_list_inside(label, "steps", "label"), start=1):
        text, rating = _follow(step, number, is_error_found=finish == "found_error")
        if text is None:
            break
        steps.append(text)
        labels.append(rating)
    completion, ends = join_steps(steps, name="label.steps")
    outcome: Outcome = _OUTCOMES.get(finish, "rated")
    return Item(
        prompt=read_text(question, "problem", is_needed=True),
        reference_answer=read_text(question, "ground_truth_answer"),
        verifier="math" if read_text(question, "ground_truth_answer").strip() else "",
        trace=ImportedTrace(
            completion,
            ends,
            tuple(labels),
            outcome,
            "" if outcome == "rated" else f"PRM800K's finish reason: {finish}",
            model_name="PRM800K's generator",
        ),
    )


def _follow(step: Any, number: int, *, is_error_found: bool) -> tuple[str | None, int | None]:
    """The text and rating of one step of the path; no text where the path ends before it."""
    if not isinstance(step, Mapping):
        raise BadRow(f"step {number} of “label.steps” is not an object.")
    completions = [
        one for one in _list_inside(step, "completions", f"step {number}") if isinstance(one, Mapping)
    ]
    chosen, written = step.get("chosen_completion"), step.get("human_completion")
    if isinstance(chosen, int) and 0 <= chosen < len(completions):
        taken = completions[chosen]
    elif isinstance(written, Mapping):
        return read_text(written, "text", is_needed=True), 1
    else:
        bad = [one for one in completions if one.get("rating") == -1]
        if not bad or not is_error_found:
            return None, None
        taken = bad[0]
    rating = taken.get("rating")
    if rating not in (-1, 0, 1, None):
        raise BadRow(f"the rating of step {number} is {rating!r:.40}; −1, 0, 1 and null are known.")
    return read_text(taken, "text", is_needed=True), rating


def _read_object(values: Values, name: str) -> Mapping[str, Any]:
    value = values.get(name)
    if not isinstance(value, Mapping):
        raise BadRow(f"“{name}” is not an object.")
    return value


def _list_inside(values: Values, name: str, inside: str) -> list[Any]:
    """What the object lists; nothing where it says null."""
    return [] if values.get(name) is None else read_list(values, name, inside=inside)


def _read_math_shepherd(values: Values, mapped: Mapped) -> Item:
    """`input` and `label` are one text but for the marks: what stands at a mark in `label` is the step's label."""
    text, marked = read_text(values, "input", is_needed=True), read_text(values, "label", is_needed=True)
    parts = text.split(_SHEPHERD_MARK)
    if len(parts) < 2:
        raise BadRow(f"“input” holds no “{_SHEPHERD_MARK}”, which ends each step.")
    problem, first = _split_problem(parts[0])
    labels: list[int | None] = []
    at = 0
    for part in parts[:-1]:
        at += len(part)
        mark = marked[at : at + 1]
        if mark not in ("+", "-"):
            raise BadRow(f"“label” has neither + nor - at the end of step {len(labels) + 1}.")
        labels.append(1 if mark == "+" else -1)
        at += 1
    steps = [step.strip(" ") for step in (first, *parts[1:-1])]
    completion, ends = join_steps([step.lstrip("\n") for step in steps], name="input")
    trace = ImportedTrace(completion, ends, tuple(labels), model_name="Math-Shepherd's generator")
    return Item(prompt=problem, trace=trace)


def _split_problem(text: str) -> tuple[str, str]:
    problem, found, rest = text.partition("Step 1:")
    if not found or not problem.strip():
        raise BadRow("“input” holds no problem before “Step 1:”.")
    return problem.strip(), found + rest


PRM800K = Layout(
    "prm800k",
    "PRM800K",
    "OpenAI's files: the path each labeller followed, with their rating of every step.",
    _read_prm800k,
    columns=("question", "label"),
    has_traces=True,
    has_labels=True,
)
MATH_SHEPHERD = Layout(
    "math_shepherd",
    "Math-Shepherd",
    "Problem and steps in one text, with + or − for each step. The labels come from roll-outs, not from people.",
    _read_math_shepherd,
    columns=("input", "label", "task"),
    has_traces=True,
    has_labels=True,
)
