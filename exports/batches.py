"""The batches in which an export reads a merge run: some prompts at a time, with all that its datasets are made of.

Traces come in the order of their prompts, so that a prompt's traces, its pairs and what was said of them are in hand
together and each text is read once. Long traces make small batches: they take no more memory than short ones.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Case, F, Func, IntegerField, When

from annotation.models import (
    Decision,
    MergedTrace,
    MergeRun,
    Ruling,
)
from annotation.rules.draft import by_index
from exports.columns import read_columns, split_numbers
from exports.formats.dataset import Row
from exports.formats.evidence import Evidence, Ratings, Scores, make_table
from exports.pair_columns import Pairs, load_pairs
from exports.queries import IsAnyOf
from exports.trace_columns import column_of, load_trace_columns

TRACES_AT_ONCE = 1_000
CHARACTERS_AT_ONCE = 2_000_000
"""A batch ends at whichever comes first. One trace may be longer; it then is a batch alone."""
_IDS_AT_ONCE = 5_000
# "IS TRUE" keeps the planner from looking ratings up by their time: it would go through all of the project's.
_RATINGS = """
COPY (
  SELECT trace_id, rater_id, is_assisted, array_to_string(labels, ' ', ''), error_categories, rewrites
  FROM (
    SELECT DISTINCT ON (trace_id, rater_id) * FROM annotation_rating
    WHERE trace_id = ANY(%(ids)s::bigint[]) AND (submitted_at <= %(at)s) IS TRUE
    ORDER BY trace_id, rater_id, revision DESC
  ) AS last
  WHERE outcome = 'rated' ORDER BY trace_id, rater_id
) TO STDOUT WITH (FORMAT csv)
"""
_RATING_TYPES = {
    "trace": pa.int64(),
    "rater": pa.string(),
    "is_assisted": pa.bool_(),
    "labels": pa.string(),
    "categories": pa.string(),
    "rewrites": pa.string(),
}
_SCORES = """
COPY (
  SELECT s.trace_id, j.name || '@' || j.version, array_to_string(s.probabilities, ' ', '')
  FROM annotation_judgescore s JOIN annotation_judge j ON j.id = s.judge_id
  WHERE s.trace_id = ANY(%(ids)s::bigint[]) AND (s.created_at <= %(at)s) IS TRUE
  ORDER BY s.trace_id, j.name, j.version
) TO STDOUT WITH (FORMAT csv)
"""
_SCORE_TYPES = {"trace": pa.int64(), "judge": pa.string(), "probabilities": pa.string()}


@dataclass(frozen=True, slots=True)
class Batch:
    """Traces (exports/trace_columns.py) by prompt and id; `pairs` of the prompts whose last trace is here, and
    `evidence`, where asked for."""

    traces: pa.Table
    pairs: Pairs | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class _Ids:
    """What to read next: traces, and the prompts that end with them."""

    traces: list[int]
    prompts: list[int]


def stream_batches(
    run: MergeRun, *, min_p: float | None = None, with_evidence: bool = False
) -> Generator[Batch, None, None]:
    """All traces of a merge run; with its preferences from P = `min_p` on, and with what was said, where wanted."""
    for ids in _list_ids(run):
        traces = load_trace_columns(run, ids.traces)
        yield Batch(
            traces=traces,
            pairs=load_pairs(run, ids.prompts, traces, min_p=min_p) if min_p is not None else None,
            evidence=_load_evidence(run, traces) if with_evidence else None,
        )


def sample_evidence(run: MergeRun, num_rows: int) -> list[Row]:
    """The first rows of `evidence`, of a trace that somebody rated where there is one."""
    rows = MergedTrace.objects.filter(run=run)
    first = rows.order_by(Case(When(num_raters__gt=0, then=0), default=1), "trace_id")
    ids = list(first.values_list("trace_id", flat=True)[:1])
    table = make_table(_load_evidence(run, load_trace_columns(run, ids)))
    found: list[Row] = table.slice(0, num_rows).to_pylist()
    return found


def _list_ids(run: MergeRun) -> Iterator[_Ids]:
    length = Func(
        F("trace__step_ends"),
        template="(%(expressions)s)[cardinality(%(expressions)s)]",
        output_field=IntegerField(),
    )
    rows = MergedTrace.objects.filter(run=run).order_by("trace__prompt_id", "trace_id")
    columns = rows.values_list("trace_id", "trace__prompt_id", length)
    traces: list[int] = []
    ended: list[int] = []
    num_characters, last_prompt = 0, None
    for trace_id, prompt_id, num_added in columns.iterator(chunk_size=_IDS_AT_ONCE):
        if last_prompt is not None and prompt_id != last_prompt:
            ended.append(last_prompt)
        is_full = len(traces) >= TRACES_AT_ONCE or num_characters + num_added > CHARACTERS_AT_ONCE
        if traces and is_full:
            yield _Ids(traces, ended)
            traces, ended, num_characters = [], [], 0
        traces.append(trace_id)
        num_characters += num_added
        last_prompt = prompt_id
    if last_prompt is not None:
        yield _Ids(traces, [*ended, last_prompt])


def _load_evidence(run: MergeRun, traces: pa.Table) -> Evidence:
    """The traces with the ratings, scores and decisions that the merge read."""
    ids = traces["trace_id"].to_pylist()
    at = run.started_at or run.queued_at
    return Evidence(
        traces, _load_ratings(ids, at), _load_scores(ids, at), _load_decided(IsAnyOf("trace_id", ids), at)
    )


def _load_ratings(ids: list[int], at: dt.datetime) -> Ratings:
    """By trace and rater, each rater's last revision until `at` (as `list_ratings_as_of` has it, a trace at a time)."""
    rows = read_columns(_RATINGS, {"ids": ids, "at": at}, _RATING_TYPES, has_long_texts=True)
    labels, num_labels = split_numbers(column_of(rows, "labels"), pa.int8())
    return Ratings(
        traces=rows["trace"].to_pylist(),
        raters=column_of(rows, "rater"),
        are_assisted=column_of(rows, "is_assisted"),
        num_labels=num_labels,
        labels=labels,
        error_categories=_read_remarks(column_of(rows, "categories")),
        rewrites=_read_remarks(column_of(rows, "rewrites")),
    )


def _read_remarks(texts: pa.Array) -> dict[int, dict[int, str]]:
    """By rating and step. Most say nothing, and reading each as JSON would take longer than everything else here."""
    told = np.flatnonzero(pc.not_equal(texts, "{}").to_numpy(zero_copy_only=False)).tolist()
    return {place: by_index(json.loads(texts[place].as_py())) for place in told}


def _load_decided(ids: IsAnyOf, at: dt.datetime) -> dict[int, tuple[int | None, ...]]:
    """The labels of each trace's last decision until `at`, where it labels steps."""
    rows = Decision.objects.filter(ids, decided_at__lte=at).order_by("trace_id", "revision")
    last = {
        trace: (ruling, labels) for trace, ruling, labels in rows.values_list("trace_id", "ruling", "labels")
    }
    return {trace: tuple(labels) for trace, (ruling, labels) in last.items() if ruling == Ruling.STEPS}


def _load_scores(ids: list[int], at: dt.datetime) -> Scores:
    rows = read_columns(_SCORES, {"ids": ids, "at": at}, _SCORE_TYPES)
    probabilities, num_probabilities = split_numbers(column_of(rows, "probabilities"), pa.float64())
    return Scores(rows["trace"].to_pylist(), column_of(rows, "judge"), num_probabilities, probabilities)
