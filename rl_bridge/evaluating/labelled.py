"""Traces whose first error is known: stepwise rows of an export, or a file in ProcessBench's layout. Loads no torch."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rl_bridge.data import IGNORED, Prompt, StepwiseRow
from rl_bridge.evaluating.first_errors import NO_ERROR, read_first_error
from rl_bridge.evaluating.results import LabelledTrace
from rl_bridge.traces_file import BadTraceLine, read_lines


@dataclasses.dataclass(frozen=True, slots=True)
class KnownTrace:
    """A trace to be scored with what is known of it. `scores` by judge are those that the file brought along."""

    prompt: Prompt
    steps: tuple[str, ...]
    known: LabelledTrace
    scores: dict[str, tuple[float | None, ...]] = dataclasses.field(default_factory=dict)


def from_rows(rows: Sequence[StepwiseRow]) -> list[KnownTrace]:
    """Stepwise rows; a masked step has no label, and a mask before the first error leaves that unknown."""
    return [
        KnownTrace(
            prompt=row.prompt,
            steps=row.steps,
            known=LabelledTrace(
                labels=tuple(None if label == IGNORED else label for label in row.labels),
                first_error=read_first_error(row.labels),
                group=str(row.prompt),
            ),
        )
        for row in rows
    ]


def read_known_traces(source: Path) -> list[KnownTrace]:
    """Read JSON Lines with `prompt` (or `problem`), `steps`, and `label`: the index of the first error, or −1.

    That is ProcessBench's layout. `labels` of each step may stand in place of `label`; `scores` with the name of their
    `judge`, as `rl_bridge judge` writes them, are measured too; null beside the name of a judge
    says that it did not read the trace. Raises `BadTraceLine` naming the line.
    """
    return [_read(row, place) for row, place in read_lines(source)]


def _read(row: dict[str, Any], place: str) -> KnownTrace:
    steps = tuple(row["steps"])
    if isinstance(row.get("labels"), list):
        labels = [IGNORED if label is None else label for label in row["labels"]]
        if len(labels) != len(steps) or not all(label in (0, 1, IGNORED) for label in labels):
            raise BadTraceLine(f"{place}: `labels` are not one of 1, 0 or null for each step.")
        first_error = read_first_error(labels)
    else:
        first_error = _read_label(row.get("label"), len(steps), place)
        labels = _spread(first_error, len(steps))
    return KnownTrace(
        prompt=row["prompt"],
        steps=steps,
        known=LabelledTrace(
            labels=tuple(None if label == IGNORED else label for label in labels),
            first_error=first_error,
            group=str(row["prompt"]),
        ),
        scores=_read_scores(row, len(steps), place),
    )


def _read_label(label: object, num_steps: int, place: str) -> int:
    if isinstance(label, bool) or not isinstance(label, int) or not NO_ERROR <= label < num_steps:
        raise BadTraceLine(
            f"{place} has no `label` that is the index of the first wrong step, or -1 where all are right."
        )
    return label


def _spread(first_error: int, num_steps: int) -> list[int]:
    """What a first error says of each step: of those behind it nothing."""
    if first_error == NO_ERROR:
        return [1] * num_steps
    return [1] * first_error + [0] + [IGNORED] * (num_steps - first_error - 1)


def _read_scores(row: dict[str, Any], num_steps: int, place: str) -> dict[str, tuple[float | None, ...]]:
    scores = row.get("scores")
    if scores is None:
        is_unread = "scores" in row and row.get("judge")
        return {str(row["judge"]): (None,) * num_steps} if is_unread else {}
    numbers = isinstance(scores, list) and all(
        score is None or (isinstance(score, int | float) and 0 <= score <= 1) for score in scores
    )
    if not numbers or len(scores) != num_steps:
        raise BadTraceLine(f"{place}: `scores` are not one probability for each step.")
    return {str(row.get("judge") or "judge"): tuple(scores)}
