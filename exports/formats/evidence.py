"""`evidence`: one row a step with every rating, judge score, posterior and provenance. For people and audits.

Nulls mean "not said": no posterior, no decision, or a step that a judge did not score. No trainer reads it, and no
policy filters it: what a policy left out of the other configs is here too. There are more of its rows than of all
others together, so it makes columns of many traces at a time, not rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.dataset import FormName
from exports.trace_columns import Ints, column_of, id_columns

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
_SCORES = pa.list_(pa.struct([("judge", pa.string()), ("probability", pa.float64())]))


@dataclass(frozen=True, slots=True)
class Ratings:
    """What raters said of some traces: N ratings, by trace and rater, with M labels in all (int8; null: none)."""

    traces: Sequence[int]  # N ids, and so below
    raters: pa.Array
    are_assisted: pa.Array
    num_labels: Ints
    labels: pa.Array
    error_categories: Mapping[int, Mapping[int, str]] = field(default_factory=dict)  # by rating, then by step
    rewrites: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scores:
    """What judges said of some traces: N scores, by trace and judge, of M probabilities in a row (null = none)."""

    traces: Sequence[int]
    judges: pa.Array
    num_probabilities: Ints
    probabilities: pa.Array


@dataclass(frozen=True, slots=True)
class Evidence:
    """Traces (exports/trace_columns.py) with everything that was said of them. `decided`: the labels of those that an
    adjudicator decided."""

    traces: pa.Table
    ratings: Ratings
    scores: Scores
    decided: Mapping[int, Sequence[int | None]] = field(default_factory=dict)


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


def make_table(found: Evidence) -> pa.Table:
    """The rows of some traces: one a step, in order."""
    traces = found.traces
    lengths = pc.list_value_length(traces["steps"]).to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    owner = np.repeat(np.arange(len(traces)), lengths)
    step = pa.array(np.arange(len(owner)) - starts[owner], pa.int32())
    start_of = dict(zip(traces["trace_id"].to_pylist(), starts.tolist(), strict=True))
    whole = traces.select(["model", "first_error"]).take(pa.array(owner))
    ids = {name: ids.take(pa.array(owner)) for name, ids in id_columns(traces).items()}
    columns = {
        **ids,
        "step": step,
        "text": column_of(traces, "steps").flatten(),
        "posterior": column_of(traces, "posterior").flatten(),
        "is_first_error": pc.equal(whole["first_error"], step),
        "ratings": _list_ratings(found.ratings, start_of, len(owner)),
        "judge_scores": _list_scores(found.scores, start_of, len(owner)),
        "decision": _list_decided(found.decided, start_of, len(owner)),
        "model": whole["model"],
    }
    return pa.table(columns, schema=schema("standard"))


def _list_decided(
    decided: Mapping[int, Sequence[int | None]], start_of: Mapping[int, int], num_steps: int
) -> pa.Array:
    if not decided:
        return pa.nulls(num_steps, pa.int8())
    found: list[int | None] = [None] * num_steps
    for trace, labels in decided.items():
        found[start_of[trace] : start_of[trace] + len(labels)] = labels
    return pa.array(found, pa.int8())


def _list_ratings(said: Ratings, start_of: Mapping[int, int], num_steps: int) -> pa.Array:
    """A list of ratings for each step: of the raters who labelled it, in their order."""
    place, owner = _lay_out([start_of[trace] for trace in said.traces], said.num_labels)
    kept = np.flatnonzero(said.labels.is_valid().to_numpy(zero_copy_only=False))
    order = kept[np.argsort(place[kept], kind="stable")]
    first_labels = np.cumsum(said.num_labels) - said.num_labels
    columns = [
        said.raters.take(pa.array(owner[order])),
        said.labels.take(pa.array(order)),
        said.are_assisted.take(pa.array(owner[order])),
        _list_remarks(said.error_categories, first_labels, len(owner)).take(pa.array(order)),
        _list_remarks(said.rewrites, first_labels, len(owner)).take(pa.array(order)),
    ]
    return _nest(columns, _RATINGS, place[order], num_steps)


def _list_remarks(remarks: Mapping[int, Mapping[int, str]], first_labels: Ints, num_labels: int) -> pa.Array:
    """Error categories or rewrites beside all labels of all ratings; most have none."""
    if not remarks:
        return pa.nulls(num_labels, pa.string())
    found: list[str | None] = [None] * num_labels
    for rating, texts in remarks.items():
        for index, text in texts.items():
            found[first_labels[rating] + index] = text
    return pa.array(found, pa.string())


def _list_scores(said: Scores, start_of: Mapping[int, int], num_steps: int) -> pa.Array:
    """A list of judge scores for each step: of every judge that scored the trace, in their order."""
    place, owner = _lay_out([start_of[trace] for trace in said.traces], said.num_probabilities)
    order = np.argsort(place, kind="stable")
    columns = [said.judges.take(pa.array(owner[order])), said.probabilities.take(pa.array(order))]
    return _nest(columns, _SCORES, place[order], num_steps)


def _lay_out(first: Sequence[int], sizes: Ints) -> tuple[Ints, Ints]:
    """For rows with a first step and a number of steps: the step of each entry, and the row that it belongs to."""
    owner = np.repeat(np.arange(len(first)), sizes)
    shift = np.array(first, np.int64) - (np.cumsum(sizes) - sizes)
    return np.arange(len(owner)) + shift[owner], owner


def _nest(columns: list[pa.Array], kind: pa.ListType, place: Ints, num_steps: int) -> pa.Array:
    """Entries, sorted by the step that they belong to, as one list a step."""
    offsets = np.searchsorted(place, np.arange(num_steps + 1), side="left")
    items = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, type=kind)
