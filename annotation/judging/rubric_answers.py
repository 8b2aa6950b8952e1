"""What a chat model answers to a rubric, read: a critique and a verdict for each step, as JSON.

Models wrap their JSON in words, thinking and code fences; what can be found in it without guessing is taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rl_bridge.answers import conclude

VERDICTS = {"correct": 0.95, "unsure": 0.5, "incorrect": 0.05}
_LONGEST_CRITIQUE = 4000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_OPENING = re.compile(r"[{\[]")
_MOST_OPENINGS = 200  # brackets to try: an answer full of them must not take for ever


class Malformed(ValueError):
    """The answer is not what the rubric asks for; the message says in which way, in words for the model."""


@dataclass(frozen=True)
class Critique:
    """One step: what the model says of it, and its verdict as a probability of being correct."""

    text: str
    probability: float


def read_critiques(answer: str, *, num_steps: int) -> list[Critique]:
    """One critique for each of the steps, in order. Raises Malformed."""
    entries = _find_entries(answer)
    by_step: dict[int, Critique] = {}
    for entry in entries:
        number, critique = _read_entry(entry)
        if number in by_step:
            raise Malformed(f"step {number} is there twice")
        by_step[number] = critique
    missing = [number for number in range(1, num_steps + 1) if number not in by_step]
    if missing:
        raise Malformed(f"step {missing[0]} is missing")
    if len(by_step) > num_steps:
        raise Malformed(f"there are {len(by_step)} entries for {num_steps} steps")
    return [by_step[number] for number in range(1, num_steps + 1)]


def _find_entries(answer: str) -> list[Any]:
    """The first list of entries in the text, alone or under "steps"."""
    for value in _list_json(conclude(answer)):
        entries = value.get("steps") if isinstance(value, dict) else value
        if isinstance(entries, list) and entries:
            return entries
    raise Malformed("there is no JSON with a list of steps in it")


def _list_json(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(_MOST_OPENINGS):
        opening = _OPENING.search(text, position)
        if opening is None:
            return
        try:
            value, position = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            position = opening.start() + 1
        else:
            yield value


def _read_entry(entry: Any) -> tuple[int, Critique]:
    if not isinstance(entry, dict):
        raise Malformed("an entry is not an object")
    number, verdict, critique = entry.get("step"), entry.get("verdict"), entry.get("critique", "")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise Malformed("an entry has no number of a step")
    if not isinstance(verdict, str) or verdict.strip().lower() not in VERDICTS:
        raise Malformed(f"the verdict of step {number} is none of {', '.join(VERDICTS)}")
    if not isinstance(critique, str):
        raise Malformed(f"the critique of step {number} is not text")
    text = _UNSTORABLE.sub("\ufffd", critique.strip())[:_LONGEST_CRITIQUE]
    return number, Critique(text, VERDICTS[verdict.strip().lower()])
