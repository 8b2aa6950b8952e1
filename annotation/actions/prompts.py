"""Prompts in, all or nothing.

Two prompts of a project are the same where their texts are, byte for byte; the second one is counted and not stored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction

from annotation.actions.audit import record_event
from annotation.models import Account, Project, Prompt
from annotation.rules.language import detect_language
from rl_bridge.errors import BridgeError
from rl_bridge.verifiers import VERIFIERS, check_answer

LONGEST_TEXT = 200_000  # characters; what is longer is no prompt that a model could read
_ROWS_AT_ONCE = 1000


class BadPrompt(Exception):
    """A prompt that can't be stored. `index` is its position among those given, from 0; `reason` a sentence."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"Prompt {index + 1}: {reason}")
        self.index = index
        self.reason = reason


@dataclass(frozen=True)
class NewPrompt:
    """A prompt as it comes in. An empty ground truth means: the verifier compares with the reference answer.

    `source` says where it came from: file and line, or data set, seed and index.
    """

    text: str
    reference_answer: str = ""
    verifier: str = ""
    ground_truth: str = ""
    source: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class AddedPrompts:
    """How many of the prompts given were stored, and how many the project already had."""

    num_stored: int
    num_duplicates: int


def add_prompts(
    *,
    project: Project,
    prompts: Iterable[NewPrompt],
    actor: Account,
    now: dt.datetime,
    are_actors_own: bool = True,
) -> AddedPrompts:
    """Stores the prompts that the project does not have yet. `are_actors_own`: not made by a program, so that a project
    can keep their traces from whoever brought them.

    Reads `prompts` as a stream. Raises BadPrompt for the first that can't be stored, and then stores none; what
    the stream itself raises comes through, and likewise leaves nothing behind.
    """
    num_stored = num_given = 0
    stream, author = iter(prompts), actor if are_actors_own else None
    with transaction.atomic():
        # One at a time for each project, so that the counts are exact. Readers and other writers go on.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        while rows := list(_build_rows(project, islice(stream, _ROWS_AT_ONCE), num_given, author, now)):
            num_stored += _store_new(project, rows)
            num_given += len(rows)
        added = AddedPrompts(num_stored=num_stored, num_duplicates=num_given - num_stored)
        record_event(
            actor=actor,
            verb="added prompts",
            subject=project,
            now=now,
            project=project,
            stored=added.num_stored,
            duplicates=added.num_duplicates,
        )
    return added


def hash_prompt(text: str) -> str:
    """What makes two prompts the same: the SHA-256 of the text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_fault(prompt: NewPrompt) -> str | None:
    """Why the prompt can't be stored, in one sentence; None where it can."""
    for words, text in (
        ("prompt", prompt.text),
        ("reference answer", prompt.reference_answer),
        ("ground truth", prompt.ground_truth),
    ):
        if "\x00" in text:
            return f"the {words} holds a NUL byte, which no text may."
        if any("\ud800" <= character <= "\udfff" for character in text):
            return f"the {words} holds half of a surrogate pair, which is no character."
        if len(text) > LONGEST_TEXT:
            return f"the {words} is longer than {LONGEST_TEXT:,} characters."
    if not prompt.text.strip():
        return "the prompt is empty."
    return _find_verifier_fault(prompt)


def build_prompt(project: Project, prompt: NewPrompt, *, author: Account | None, now: dt.datetime) -> Prompt:
    """The row of a prompt without fault, not stored yet."""
    return Prompt(
        project=project,
        text=prompt.text,
        reference_answer=prompt.reference_answer,
        verifier=prompt.verifier,
        ground_truth=(prompt.ground_truth or prompt.reference_answer) if prompt.verifier else "",
        source=dict(prompt.source),
        language=detect_language(prompt.text),
        content_hash=hash_prompt(prompt.text),
        created_at=now,
        created_by=author,
    )


def _find_verifier_fault(prompt: NewPrompt) -> str | None:
    if prompt.verifier == "":
        return None
    if prompt.verifier not in VERIFIERS:
        return f"there is no verifier “{prompt.verifier}”; there are {', '.join(VERIFIERS)}."
    truth = prompt.ground_truth or prompt.reference_answer
    if not truth.strip():
        return f"the verifier {prompt.verifier} needs a ground truth or a reference answer."
    if prompt.verifier == "math":
        return None  # what math-verify can read is known only once it compares, in a process of its own
    try:
        # An empty completion has no answer to compare, so this looks at the ground truth alone.
        check_answer(verifier=prompt.verifier, completion="", ground_truth=truth)
    except BridgeError as error:
        return str(error)
    return None


def _build_rows(
    project: Project, prompts: Iterator[NewPrompt], first_index: int, author: Account | None, now: dt.datetime
) -> Iterator[Prompt]:
    for index, prompt in enumerate(prompts, start=first_index):
        if fault := find_fault(prompt):
            raise BadPrompt(index, fault)
        yield build_prompt(project, prompt, author=author, now=now)


def _store_new(project: Project, rows: Sequence[Prompt]) -> int:
    by_hash: dict[str, Prompt] = {}
    for row in rows:
        by_hash.setdefault(row.content_hash, row)
    known = set(
        Prompt.objects.filter(project=project, content_hash__in=by_hash).values_list(
            "content_hash", flat=True
        )
    )
    new = [row for content_hash, row in by_hash.items() if content_hash not in known]
    Prompt.objects.bulk_create(new)
    return len(new)
