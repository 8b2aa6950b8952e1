"""Prompts from a JSONL file: one JSON object a line, with `prompt` and, where there are any, `reference_answer`,
`verifier` and `ground_truth`. Read as a stream; one bad line and nothing is stored.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from typing import Any

from annotation.actions.prompts import AddedPrompts, NewPrompt, add_prompts, find_fault
from annotation.models import Account, Project

FIELDS = ("prompt", "reference_answer", "verifier", "ground_truth")
_LONGEST_LINE = 2_000_000  # bytes
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLine(Exception):
    """A line that is no prompt. `line` counts from 1; `reason` is a sentence."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"Line {line}: {reason}")
        self.line = line
        self.reason = reason


class NoPrompts(Exception):
    """The file holds no line at all."""


def add_prompts_from_jsonl(
    *, project: Project, lines: Iterable[bytes], file_name: str, actor: Account, now: dt.datetime
) -> AddedPrompts:
    """Stores the prompts of a JSONL file. Raises BadLine or NoPrompts, and then stores nothing."""
    added = add_prompts(
        project=project, prompts=read_prompt_lines(lines, file_name=file_name), actor=actor, now=now
    )
    if added == AddedPrompts(num_stored=0, num_duplicates=0):
        raise NoPrompts("The file holds no prompts: every line is empty.")
    return added


def read_prompt_lines(lines: Iterable[bytes], *, file_name: str) -> Iterator[NewPrompt]:
    """The prompts of the lines that aren't empty, in order. Raises BadLine at the first that is none."""
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.strip():
            continue
        prompt = _read_line(number, line, file_name)
        if fault := find_fault(prompt):
            raise BadLine(number, fault)
        yield prompt


def _read_line(number: int, line: bytes, file_name: str) -> NewPrompt:
    if len(line) > _LONGEST_LINE:
        raise BadLine(number, f"longer than {_LONGEST_LINE:,} bytes.")
    try:
        row: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLine(number, f"not UTF-8 (byte {error.start + 1} of the line).") from error
    except json.JSONDecodeError as error:
        raise BadLine(number, f"not JSON ({error.msg} at character {error.colno}).") from error
    except (RecursionError, ValueError) as error:  # nested too deeply; a number of thousands of digits
        raise BadLine(
            number, "not JSON that can be read (nested too deeply, or too long a number)."
        ) from error
    if not isinstance(row, dict):
        raise BadLine(number, "not a JSON object with a “prompt”.")
    if unknown := sorted(str(name) for name in row if name not in FIELDS):
        raise BadLine(number, f"there is no field “{unknown[0][:40]}”; there are {', '.join(FIELDS)}.")
    if "prompt" not in row:
        raise BadLine(number, "“prompt” is missing.")
    return NewPrompt(
        text=_read_text(number, row, "prompt"),
        reference_answer=_read_text(number, row, "reference_answer"),
        verifier=_read_text(number, row, "verifier"),
        ground_truth=_read_text(number, row, "ground_truth"),
        source={"file": file_name[:200], "line": number},
    )


def _read_text(number: int, row: dict[str, Any], name: str) -> str:
    """A text field; a number stands for its digits, null for nothing, and an object for its JSON."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name in ("reference_answer", "ground_truth"):
        return json.dumps(value, ensure_ascii=False)
    raise BadLine(number, f"“{name}” is not text.")
