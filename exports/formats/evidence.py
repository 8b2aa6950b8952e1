"""`evidence`: one row a step with every rating, judge score, posterior and provenance. For people and audits.

Nulls mean "not said": no posterior, no decision, or a step that a judge did not score. No trainer reads it, and no
policy filters it: what a policy left out of the other configs is here too. There are more of its rows than of all
others together, so it makes columns of many traces at a time, not rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from exports.formats.dataset import FormName
from exports.rows import JudgedTrace

_RATINGS = pa.list_(
    pa.struct(
        [
            ("rater", pa.string()),
            ("label", pa.int8()),
            ("is_assisted", pa.bool_()),
            ("error_category", pa.string()),
            ("rewrite", pa.string()),
        ]
    )
)
Ints = npt.NDArray[np.int64]
_NO_LABEL = 127
_SCORES = pa.list_(pa.struct([("judge", pa.string()), ("probability", pa.float64())]))


@dataclass(frozen=True, slots=True)
class RaterLabels:
    """One rater's labels of a trace: -1, 0, 1 or None, one a step; error categories and rewrites by step index."""

    rater: str
    labels: tuple[int | None, ...]
    is_assisted: bool
    error_categories: Mapping[int, str] = field(default_factory=dict)
    rewrites: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgeScores:
    """One judge's probabilities for a trace, one a step; None where it said nothing."""

    judge: str
    probabilities: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class TraceEvidence:
    """A trace with everything that was said of it. `decided`: an adjudicator's labels; empty where nobody decided."""

    trace: JudgedTrace
    ratings: tuple[RaterLabels, ...]
    scores: tuple[JudgeScores, ...]
    decided: tuple[int | None, ...] = ()


def schema(form: FormName) -> pa.Schema:
    return pa.schema(
        [
            ("prompt_id", pa.string()),
            ("trace_id", pa.string()),
            ("step", pa.int32()),
            ("text", pa.string()),
            ("posterior", pa.float64()),
            ("provenance", pa.string()),
            ("is_first_error", pa.bool_()),
            ("ratings", _RATINGS),
            ("judge_scores", _SCORES),
            ("decision", pa.int8()),
            ("model", pa.string()),
        ]
    )


def make_table(found: Sequence[TraceEvidence]) -> pa.Table:
    """The rows of some traces: one a step, in order."""
    traces = [row.trace for row in found]
    lengths = np.array([len(trace.step_ends) for trace in traces], np.int64)
    starts = np.cumsum(lengths) - lengths
    owner = np.repeat(np.arange(len(traces)), lengths)
    step = np.arange(len(owner)) - starts[owner]
    first_error = np.array([-2 if t.first_error is None else t.first_error for t in traces], np.int64)[owner]

    def repeat(values: list[str]) -> pa.Array:
        return pa.array(values, pa.string()).take(pa.array(owner))

    columns = {
        "prompt_id": repeat([str(trace.prompt_id) for trace in traces]),
        "trace_id": repeat([str(trace.trace_id) for trace in traces]),
        "step": pa.array(step, pa.int32()),
        "text": pa.array(list(chain.from_iterable(trace.steps for trace in traces)), pa.string()),
        "posterior": pa.array(_list_posteriors(traces), pa.float64()),
        "provenance": repeat([trace.provenance for trace in traces]),
        "is_first_error": pa.array(first_error == step, mask=first_error == -2),
        "ratings": _list_ratings(found, starts, len(owner)),
        "judge_scores": _list_scores(found, starts, len(owner)),
        "decision": pa.array(
            list(chain.from_iterable(row.decided or (None,) * len(row.trace.step_ends) for row in found)),
            pa.int8(),
        ),
        "model": repeat([trace.model for trace in traces]),
    }
    return pa.table(columns, schema=schema("standard"))


def _list_posteriors(traces: Sequence[JudgedTrace]) -> list[float | None]:
    return list(chain.from_iterable(t.posterior or (None,) * len(t.step_ends) for t in traces))


def _list_ratings(found: Sequence[TraceEvidence], starts: Ints, num_steps: int) -> pa.Array:
    """A list of ratings for each step: of the raters who labelled it, in their order."""
    rows = [(start, said) for start, row in zip(starts.tolist(), found, strict=True) for said in row.ratings]
    given = [_NO_LABEL if label is None else label for _, said in rows for label in said.labels]
    labels = np.array(given, np.int8)
    place, owner = _lay_out([(start, len(said.labels)) for start, said in rows])
    kept = np.flatnonzero(labels != _NO_LABEL)
    order = kept[np.argsort(place[kept], kind="stable")]
    categories, rewrites = _list_remarks([said for _, said in rows], len(labels))
    columns = [
        pa.array([said.rater for _, said in rows], pa.string()).take(pa.array(owner[order])),
        pa.array(labels[order], pa.int8()),
        pa.array(np.array([said.is_assisted for _, said in rows], bool)[owner[order]], pa.bool_()),
        categories.take(pa.array(order)),
        rewrites.take(pa.array(order)),
    ]
    return _nest(columns, _RATINGS, place[order], num_steps)


def _list_remarks(ratings: Sequence[RaterLabels], num_labels: int) -> tuple[pa.Array, pa.Array]:
    """Error categories and rewrites beside all labels of all ratings; most have neither."""
    found: tuple[list[str | None], list[str | None]] = ([None] * num_labels, [None] * num_labels)
    start = 0
    for said in ratings:
        for remarks, values in zip((said.error_categories, said.rewrites), found, strict=True):
            for index, text in remarks.items():
                values[start + index] = text
        start += len(said.labels)
    return pa.array(found[0], pa.string()), pa.array(found[1], pa.string())


def _list_scores(found: Sequence[TraceEvidence], starts: Ints, num_steps: int) -> pa.Array:
    """A list of judge scores for each step: of every judge that scored the trace, in their order."""
    rows = [(start, said) for start, row in zip(starts.tolist(), found, strict=True) for said in row.scores]
    place, owner = _lay_out([(start, len(said.probabilities)) for start, said in rows])
    order = np.argsort(place, kind="stable")
    probabilities = pa.array(list(chain.from_iterable(said.probabilities for _, said in rows)), pa.float64())
    columns = [
        pa.array([said.judge for _, said in rows], pa.string()).take(pa.array(owner[order])),
        probabilities.take(pa.array(order)),
    ]
    return _nest(columns, _SCORES, place[order], num_steps)


def _lay_out(rows: Sequence[tuple[int, int]]) -> tuple[Ints, Ints]:
    """For rows of (first step, number of steps): the step of each entry, and the row that it belongs to."""
    sizes = np.array([size for _, size in rows], np.int64)
    first = np.array([start for start, _ in rows], np.int64)
    owner = np.repeat(np.arange(len(rows)), sizes)
    return np.arange(len(owner)) + (first - (np.cumsum(sizes) - sizes))[owner], owner


def _nest(columns: list[pa.Array], kind: pa.ListType, place: Ints, num_steps: int) -> pa.Array:
    """Entries, sorted by the step that they belong to, as one list a step."""
    offsets = np.searchsorted(place, np.arange(num_steps + 1), side="left")
    items = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=kind)
