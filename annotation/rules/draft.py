"""A rating as far as it has got: what the rater's page saves after every change.

A draft remembers more than a rating may say. Labels behind the first error stay in it, so that changing that
−1 brings them back; `rating_labels` is what counts of them.

`writer` names the page that wrote the draft and `sequence` counts that page's saves: a save that arrives twice,
or late, is told from one that would overwrite somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from annotation.rules.rating import VALUES, Label, first_error

MAX_NOTE_CHARACTERS = 5_000
MAX_WRITER_CHARACTERS = 40
# What JSON can say and PostgreSQL can't store: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class InvalidDraft(ValueError):
    """What arrived is no draft of this trace; the message says why, in words for the rater."""


class DraftJson(TypedDict):
    labels: list[Label]
    notes: dict[str, str]
    is_reference_wrong: bool
    active_seconds: float
    writer: str
    sequence: int


@dataclass(frozen=True)
class Draft:
    """labels: S labels, one a step, those after a first error included; notes: by step index."""

    labels: tuple[Label, ...]
    notes: Mapping[int, str] = field(default_factory=dict)
    is_reference_wrong: bool = False
    active_seconds: float = 0.0
    writer: str = ""
    sequence: int = 0

    def says_the_same_as(self, other: Draft) -> bool:
        """Whether both hold the same ratings and notes, whoever wrote them."""
        return (
            self.labels == other.labels
            and dict(self.notes) == dict(other.notes)
            and self.is_reference_wrong == other.is_reference_wrong
        )

    def as_json(self) -> DraftJson:
        return DraftJson(
            labels=list(self.labels),
            notes={str(index): note for index, note in self.notes.items()},
            is_reference_wrong=self.is_reference_wrong,
            active_seconds=self.active_seconds,
            writer=self.writer,
            sequence=self.sequence,
        )


def empty_draft(num_steps: int) -> Draft:
    return Draft(labels=(None,) * num_steps)


def rating_labels(labels: Sequence[Label], *, stop_at_first_error: bool) -> tuple[Label, ...]:
    """The labels that count: with `stop_at_first_error`, steps after the first −1 are not judged."""
    error = first_error(labels) if stop_at_first_error else None
    if error is None:
        return tuple(labels)
    return (*labels[: error + 1], *[None] * (len(labels) - error - 1))


def parse_draft(data: object, num_steps: int) -> Draft:
    """The draft in decoded JSON, for a trace of `num_steps` steps; {} is the empty draft. Raises InvalidDraft."""
    if not isinstance(data, dict):
        raise InvalidDraft("A draft is a JSON object.")
    if not data:
        return empty_draft(num_steps)
    return Draft(
        labels=_parse_labels(data.get("labels"), num_steps),
        notes=_parse_notes(data.get("notes", {}), num_steps),
        is_reference_wrong=_parse_flag(data.get("is_reference_wrong", False)),
        active_seconds=_parse_seconds(data.get("active_seconds", 0.0)),
        writer=_parse_writer(data.get("writer", "")),
        sequence=_parse_sequence(data.get("sequence", 0)),
    )


def _parse_labels(data: object, num_steps: int) -> tuple[Label, ...]:
    if not isinstance(data, list) or len(data) != num_steps:
        raise InvalidDraft(f"The trace has {num_steps} steps, and the draft needs one label for each.")
    for index, label in enumerate(data):
        if label is not None and (type(label) is not int or label not in VALUES):
            raise InvalidDraft(
                f"Step {index + 1} is labelled {label!r:.40}; only -1, 0, 1 and none are allowed."
            )
    return tuple(data)


def _parse_notes(data: object, num_steps: int) -> dict[int, str]:
    if not isinstance(data, dict):
        raise InvalidDraft("Notes are an object: step index to text.")
    notes: dict[int, str] = {}
    for key, note in data.items():
        if (
            not isinstance(key, str)
            or not key.isascii()
            or not key.isdigit()
            or len(key) > 9
            or int(key) >= num_steps
        ):
            raise InvalidDraft(f"There is no step {key!r:.40} to note anything on.")
        notes[int(key)] = check_note(note, index=int(key))
    return {index: note for index, note in sorted(notes.items()) if note.strip()}


def check_note(note: object, *, index: int) -> str:
    """The note, without what no text may hold, if it is a text of bearable length. Raises InvalidDraft."""
    if not isinstance(note, str) or len(note) > MAX_NOTE_CHARACTERS:
        raise InvalidDraft(f"The note on step {index + 1} is longer than {MAX_NOTE_CHARACTERS:,} characters.")
    return _UNSTORABLE.sub("", note)


def _parse_flag(data: object) -> bool:
    if not isinstance(data, bool):
        raise InvalidDraft("“Reference is wrong” is true or false.")
    return data


def _parse_seconds(data: object) -> float:
    if (
        isinstance(data, bool) or not isinstance(data, int | float) or not 0 <= data < 1e7
    ):  # false for NaN too
        raise InvalidDraft("The active time is a number of seconds, 0 or more.")
    return float(data)


def _parse_writer(data: object) -> str:
    if not isinstance(data, str) or len(data) > MAX_WRITER_CHARACTERS or _UNSTORABLE.search(data):
        raise InvalidDraft("The writer of a draft is a short text.")
    return data


def _parse_sequence(data: object) -> int:
    if type(data) is not int or not 0 <= data < 2**53:
        raise InvalidDraft("The sequence of a draft is a whole number.")
    return data
