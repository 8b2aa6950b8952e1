"""What a row becomes: a prompt, and where the row holds one, a trace with its labels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from annotation.importing.rows import BadRow

Outcome = Literal["rated", "bad_problem", "give_up"]
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
JOINED_BY = "\n"
"""Stands between two steps that a source gives as a list: it lost what stood there."""


@dataclass(frozen=True, slots=True)
class ImportedTrace:
    """step_ends: S exclusive ends in characters; None where the project's segmenter is to cut it. labels: S of −1, 0,
    +1 or None (not judged); None where nobody judged the trace."""

    completion: str
    step_ends: tuple[int, ...] | None = None
    labels: tuple[int | None, ...] | None = None
    outcome: Outcome = "rated"
    reason: str = ""
    model_name: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt as it comes in, and a trace of it where there is one."""

    prompt: str
    reference_answer: str = ""
    verifier: str = ""
    ground_truth: str = ""
    trace: ImportedTrace | None = None


def read_text(values: Mapping[str, Any], name: str, *, is_needed: bool = False) -> str:
    """A text; nothing for null, and JSON for what is neither (a number stands for its digits). Raises BadRow."""
    value = values.get(name)
    if is_needed and name not in values:
        raise BadRow(f"“{name}” is missing.")
    if isinstance(value, str):
        text = value
    elif value is None:
        text = ""
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    if is_needed and not text.strip():
        raise BadRow(f"“{name}” is empty.")
    return text


def read_list(values: Mapping[str, Any], name: str, *, inside: str = "") -> list[Any]:
    """A list, or the JSON of one, as CSV has it. `inside`: the object that it is in. Raises BadRow."""
    value = values.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list | tuple):
        raise BadRow(f"“{inside + '.' if inside else ''}{name}” is not a list.")
    return list(value)


def read_index(value: Any) -> Any:
    """A whole number as sources write it: 2, 2.0 or "2" is 2; whatever is none stays as it is."""
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def join_steps(steps: Sequence[Any], *, name: str) -> tuple[str, tuple[int, ...]]:
    """The completion of steps given as a list, and the steps' ends; a line break belongs to the step before it.

    Raises BadRow for no steps, an empty one, or one that is no text.
    """
    if not steps:
        raise BadRow(f"“{name}” holds no steps.")
    parts: list[str] = []
    for index, step in enumerate(steps):
        if not isinstance(step, str) or not step.strip():
            raise BadRow(f"step {index + 1} of “{name}” is empty or no text.")
        is_last = index == len(steps) - 1
        parts.append(step if is_last or step.endswith("\n") else step + JOINED_BY)
    ends: list[int] = []
    for part in parts:
        ends.append(len(part) + (ends[-1] if ends else 0))
    return "".join(parts), tuple(ends)
