"""What each row of an import would store: read, checked, and its final answer verified. Nothing is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.actions.prompts import NewPrompt, find_fault, hash_prompt
from annotation.actions.verdicts import NO_VERDICT, Verdict, give_verdict
from annotation.importing.items import ImportedTrace, Item
from annotation.importing.layouts import LAYOUTS, read_item
from annotation.importing.rows import BadRow, Row, clean_text
from annotation.models import ImportRun, Prompt, SourceFormat
from annotation.rules.draft import rating_labels
from annotation.rules.rating import InvalidLabels, Label, check_draft, is_complete
from annotation.rules.segmentation import segment

LONGEST_COMPLETION = 2_000_000  # characters
GIVEN_STEPS = "given@1"
"""Stands for the segmenter where the source itself says where its steps end."""


@dataclass(frozen=True)
class Refused:
    """A row that can't be taken, and why."""

    number: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Taken:
    """A row that can: its prompt, and its trace with steps and labels that were checked."""

    number: int
    prompt: NewPrompt
    prompt_hash: str
    trace: ImportedTrace | None = None
    segmenter: str = ""
    verdict: Verdict = NO_VERDICT


def prepare_chunk(run: ImportRun, rows: Sequence[Row]) -> list[Taken | Refused]:
    """What the rows would store, in their order. Final answers are compared with what the project knows of a prompt,
    where it has the prompt already."""
    prepared = [prepare_row(run, row) for row in rows]
    hashes = [one.prompt_hash for one in prepared if isinstance(one, Taken) and one.trace]
    known = Prompt.objects.filter(project=run.project_id, content_hash__in=hashes).only(
        "content_hash", "verifier", "ground_truth"
    )
    by_hash = {prompt.content_hash: (prompt.verifier, prompt.ground_truth) for prompt in known}
    return [_verify(one, by_hash.get(one.prompt_hash)) if isinstance(one, Taken) else one for one in prepared]


def prepare_row(run: ImportRun, row: Row) -> Taken | Refused:
    """What the row would store, its final answer not verified yet. Looks at nothing in the database."""
    try:
        item = read_item(row, LAYOUTS[run.layout], run.mapping)
        prompt = _build_new_prompt(run, row, item)
        if fault := find_fault(prompt):
            raise BadRow(fault)
        trace = _check_trace(run, item.trace) if item.trace else None
    except BadRow as error:
        return Refused(row.number, clean_text(str(error)), clean_text(row.as_text()))
    is_given = item.trace is not None and item.trace.step_ends is not None
    segmenter = GIVEN_STEPS if is_given else run.segmenter
    return Taken(row.number, prompt, hash_prompt(prompt.text), trace, segmenter)


def describe_origin(run: ImportRun, number: int) -> dict[str, str | int]:
    """Where a prompt or trace came from: the import, and the line of a file or the row of a data set."""
    if run.source.file_format == SourceFormat.HUB:
        return {"import": run.pk, "data_set": run.source.name, "split": run.source.split, "row": number}
    return {"import": run.pk, "file": run.source.name, "line": number}


def _verify(row: Taken, known: tuple[str, str] | None) -> Taken:
    if row.trace is None:
        return row
    own = (row.prompt.verifier, row.prompt.ground_truth or row.prompt.reference_answer)
    verifier, ground_truth = known or own
    return dataclasses.replace(row, verdict=give_verdict(verifier, ground_truth, row.trace.completion))


def _build_new_prompt(run: ImportRun, row: Row, item: Item) -> NewPrompt:
    has_truth = bool((item.ground_truth or item.reference_answer).strip())
    return NewPrompt(
        text=item.prompt,
        reference_answer=item.reference_answer,
        verifier=item.verifier or (run.verifier if has_truth else ""),
        ground_truth=item.ground_truth,
        source=describe_origin(run, row.number),
    )


def _check_trace(run: ImportRun, trace: ImportedTrace) -> ImportedTrace:
    """The trace with its steps and the labels that count in this project. Raises BadRow."""
    if not trace.completion.strip():
        raise BadRow("the completion is empty.")
    if clean_text(trace.completion) != trace.completion:
        raise BadRow("the completion holds a NUL byte or half of a surrogate pair, which no text may.")
    if len(trace.completion) > LONGEST_COMPLETION:
        raise BadRow(f"the completion is longer than {LONGEST_COMPLETION:,} characters.")
    ends = trace.step_ends or tuple(segment(trace.completion, run.segmenter))
    labels = _check_labels(run, trace, len(ends)) if trace.labels is not None and run.rater_id else None
    return dataclasses.replace(trace, step_ends=ends, labels=labels)


def _check_labels(run: ImportRun, trace: ImportedTrace, num_steps: int) -> tuple[Label, ...]:
    if trace.outcome != "rated":
        return (None,) * num_steps
    labels = rating_labels(trace.labels or (), stop_at_first_error=run.project.stop_at_first_error)
    try:
        check_draft(labels, num_steps, run.project.stop_at_first_error)
    except InvalidLabels as error:
        raise BadRow(str(error)) from error
    # Others stop at the first error also where this project goes on: what they did not judge stays not judged.
    if not is_complete(labels, stop_at_first_error=True):
        raise BadRow("a step before the first error has no label.")
    return labels
