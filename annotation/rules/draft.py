"""A rating as far as it has got: what the rater's page saves after every change.

A draft remembers more than a rating may say. Labels behind the first error stay in it, so that changing that
−1 brings them back; `rating_labels` is what counts of them.

`writer` names the page that wrote the draft and `sequence` counts that page's saves: a save that arrives twice,
or late, is told from one that would overwrite somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from annotation.rules.error_categories import MAX_CATEGORY_CHARACTERS
from annotation.rules.messages import Said, marked
from annotation.rules.rating import VALUES, Label, first_error

MAX_NOTE_CHARACTERS = 5_000
MAX_REWRITE_CHARACTERS = 20_000
MAX_WRITER_CHARACTERS = 40
_NOTE_TOO_LONG = marked("The note on step {number} is longer than {most} characters.")
_REWRITE_TOO_LONG = marked("The rewrite on step {number} is longer than {most} characters.")
_CATEGORY_TOO_LONG = marked("The error category on step {number} is longer than {most} characters.")
# What JSON can say and PostgreSQL can't store: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class InvalidDraft(Said):
    """What arrived is no draft of this trace; the message says why, in words for the rater."""


class DraftJson(TypedDict):
    labels: list[Label]
    notes: dict[str, str]
    error_categories: dict[str, str]
    rewrites: dict[str, str]
    is_reference_wrong: bool
    active_seconds: float
    writer: str
    sequence: int


@dataclass(frozen=True)
class Draft:
    """labels: S labels, one a step, those after a first error included; notes, error_categories, rewrites: by step."""

    labels: tuple[Label, ...]
    notes: Mapping[int, str] = field(default_factory=dict)
    is_reference_wrong: bool = False
    active_seconds: float = 0.0
    writer: str = ""
    sequence: int = 0
    error_categories: Mapping[int, str] = field(default_factory=dict)
    rewrites: Mapping[int, str] = field(default_factory=dict)

    def says_the_same_as(self, other: Draft) -> bool:
        """Whether both hold the same ratings and notes, whoever wrote them."""
        return (
            self.labels == other.labels
            and dict(self.notes) == dict(other.notes)
            and dict(self.error_categories) == dict(other.error_categories)
            and dict(self.rewrites) == dict(other.rewrites)
            and self.is_reference_wrong == other.is_reference_wrong
        )

    def as_json(self) -> DraftJson:
        return DraftJson(
            labels=list(self.labels),
            notes=by_text(self.notes),
            error_categories=by_text(self.error_categories),
            rewrites=by_text(self.rewrites),
            is_reference_wrong=self.is_reference_wrong,
            active_seconds=self.active_seconds,
            writer=self.writer,
            sequence=self.sequence,
        )


def by_text(texts: Mapping[int, str]) -> dict[str, str]:
    """Keyed as JSON wants it: the step's index as text."""
    return {str(index): text for index, text in texts.items()}


def by_index(texts: Mapping[str, str]) -> dict[int, str]:
    """What `by_text` made, back again."""
    return {int(index): text for index, text in texts.items()}


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
        notes=_parse_texts(data, "notes", check_note, num_steps),
        error_categories=_parse_texts(data, "error_categories", check_category, num_steps),
        rewrites=_parse_texts(data, "rewrites", check_rewrite, num_steps),
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


def _parse_texts(
    data: Mapping[str, object], name: str, check: Callable[..., str], num_steps: int
) -> dict[int, str]:
    """What `data` holds under `name`: step index to text, without the empty ones."""
    sent = data.get(name, {})
    if not isinstance(sent, dict):
        raise InvalidDraft(f"“{name}” is an object: step index to text.")
    texts: dict[int, str] = {}
    for key, text in sent.items():
        if (
            not isinstance(key, str)
            or not key.isascii()
            or not key.isdigit()
            or len(key) > 9
            or int(key) >= num_steps
        ):
            raise InvalidDraft(f"There is no step {key!r:.40} to say anything of.")
        texts[int(key)] = check(text, index=int(key))
    return {index: text for index, text in sorted(texts.items()) if text.strip()}


def check_note(note: object, *, index: int) -> str:
    """The note, without what no text may hold, if it is a text of bearable length. Raises InvalidDraft."""
    return _check_text(note, _NOTE_TOO_LONG, index, MAX_NOTE_CHARACTERS)


def check_rewrite(rewrite: object, *, index: int) -> str:
    """The same for a step's rewrite, with the line ends that models write, not those of forms. Raises InvalidDraft."""
    return _check_text(rewrite, _REWRITE_TOO_LONG, index, MAX_REWRITE_CHARACTERS).replace("\r\n", "\n")


def check_category(category: object, *, index: int) -> str:
    """The same for an error category; whether the project has it is asked on submitting. Raises InvalidDraft."""
    return _check_text(category, _CATEGORY_TOO_LONG, index, MAX_CATEGORY_CHARACTERS).strip()


def _check_text(text: object, too_long: str, index: int, max_characters: int) -> str:
    if not isinstance(text, str) or len(text) > max_characters:
        raise InvalidDraft(too_long, number=index + 1, most=f"{max_characters:,}")
    return _UNSTORABLE.sub("", text)


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
