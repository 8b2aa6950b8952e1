"""Gold brought from elsewhere: traces whose first error is known, as JSON objects, one a line of a file or by API.

A row names a trace of the project, or brings a prompt and the steps of a solution; the trace it makes looks like any:

    {"trace": 12, "first_error": 3}
    {"prompt": "2 + 2?", "steps": ["2 + 2 = 4.", "So 4."], "first_error": null, "reference_answer": "4", "note": "…"}

`first_error` counts from 0, as in ProcessBench; null or -1 where every step stands. Steps from the first error on do
not stand. All rows are taken, or none.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotation.actions.gold import TraceRetired, WrongNumberOfSteps, make_gold
from annotation.actions.prompts import NewPrompt, build_prompt, find_fault, hash_prompt
from annotation.models import Account, Gold, GoldSource, Project, Prompt, Trace

FIELDS = ("trace", "prompt", "steps", "first_error", "reference_answer", "note")
MOST_ROWS = 5_000
_LONGEST_LINE = 2_000_000  # bytes
_SEGMENTER = "given"


class BadGold(Exception):
    """A row that is no gold. `number` counts from 1; `reason` is a sentence."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"Row {number}: {reason}")
        self.number, self.reason = number, reason


@dataclass(frozen=True)
class ImportedGold:
    """How many traces are gold by the import: newly so, and known before."""

    num_made: int
    num_known: int


def read_gold_lines(lines: Iterable[bytes]) -> Iterator[Any]:
    """The JSON of each line that isn't empty; None for one that is none."""
    for line in lines:
        if line.strip():
            try:
                yield json.loads(line.decode("utf-8-sig")) if len(line) <= _LONGEST_LINE else None
            except (ValueError, RecursionError):
                yield None


def import_gold(*, project: Project, rows: Iterable[Any], actor: Account, now: dt.datetime) -> ImportedGold:
    """Makes these traces gold. Raises BadGold for the first row that can't be, and then nothing is stored."""
    num_made = num_rows = 0
    with transaction.atomic():
        for number, row in enumerate(rows, start=1):
            if number > MOST_ROWS:
                raise BadGold(number, f"at most {MOST_ROWS:,} rows are taken at a time.")
            num_rows += 1
            num_made += _take(project, number, row, actor, now)
        if num_rows == 0:
            raise BadGold(1, "there is nothing in it.")
    return ImportedGold(num_made=num_made, num_known=num_rows - num_made)


def _take(project: Project, number: int, row: Any, actor: Account, now: dt.datetime) -> bool:
    """Whether the row's trace was no gold before."""
    if not isinstance(row, dict):
        raise BadGold(number, "not a JSON object.")
    if unknown := sorted(str(name) for name in row if name not in FIELDS):
        raise BadGold(number, f"there is no field “{unknown[0][:40]}”; there are {', '.join(FIELDS)}.")
    if "first_error" not in row:
        raise BadGold(number, "“first_error” is missing; null says that every step stands.")
    trace = (
        _find_trace(project, number, row) if "trace" in row else _make_trace(project, number, row, actor, now)
    )
    is_new = not Gold.objects.filter(trace=trace).exists()
    try:
        make_gold(
            trace=trace,
            stands=_read_stands(number, row["first_error"], trace.num_steps),
            source=GoldSource.IMPORTED,
            actor=actor,
            now=now,
            note=_read_text(number, row, "note"),
        )
    except (TraceRetired, WrongNumberOfSteps) as error:
        raise BadGold(number, str(error)) from error
    return is_new


def _find_trace(project: Project, number: int, row: Mapping[str, Any]) -> Trace:
    wanted = row["trace"]
    is_id = type(wanted) is int and 0 < wanted < 2**63
    trace = Trace.objects.filter(project=project, pk=wanted).first() if is_id else None
    if trace is None:
        raise BadGold(number, f"the project has no trace {str(wanted)[:40]}.")
    return trace


def _make_trace(
    project: Project, number: int, row: Mapping[str, Any], actor: Account, now: dt.datetime
) -> Trace:
    """The trace of these steps: the one that the project has already, or a new one."""
    steps = _read_steps(number, row.get("steps"))
    prompt = _find_or_make_prompt(project, number, row, actor, now)
    completion, ends = "".join(steps), list(itertools.accumulate(map(len, steps)))
    known = Trace.objects.current().filter(prompt=prompt, completion=completion, step_ends=ends).first()
    return known or Trace.objects.create(
        project=project,
        prompt=prompt,
        priority=prompt.priority,
        wants_ratings=False,
        completion=completion,
        step_ends=ends,
        segmenter=_SEGMENTER,
        model_name="unknown model",
        sampling={"origin": "imported gold"},
        created_at=now,
        queue_key=random.random(),
    )


def _find_or_make_prompt(
    project: Project, number: int, row: Mapping[str, Any], actor: Account, now: dt.datetime
) -> Prompt:
    given = NewPrompt(
        text=_read_text(number, row, "prompt"),
        reference_answer=_read_text(number, row, "reference_answer"),
        source={"kind": "imported gold"},
    )
    if fault := find_fault(given):
        raise BadGold(number, fault)
    known = Prompt.objects.filter(project=project, content_hash=hash_prompt(given.text)).first()
    if known is None:
        known = build_prompt(project, given, author=actor, now=now)
        known.save()
    return known


def _read_steps(number: int, steps: Any) -> list[str]:
    """The steps, each with what separates it from the next: an empty line where it ends in no line break."""
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) and step for step in steps):
        raise BadGold(number, "“steps” is not a list of texts, none of them empty.")
    if any("\x00" in step or any("\ud800" <= c <= "\udfff" for c in step) for step in steps):
        raise BadGold(number, "a step holds a character that no text may.")
    return [*(step if step.endswith("\n") else f"{step}\n\n" for step in steps[:-1]), steps[-1]]


def _read_stands(number: int, first_error: Any, num_steps: int) -> list[bool]:
    if first_error is None or (type(first_error) is int and first_error == -1):
        return [True] * num_steps
    if type(first_error) is not int or not 0 <= first_error < num_steps:
        raise BadGold(
            number,
            f"“first_error” is no step of the {num_steps}: they count from 0, and null says there is none.",
        )
    return [index < first_error for index in range(num_steps)]


def _read_text(number: int, row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadGold(number, f"“{name}” is not text.")
    return value
