"""The batches in which an export reads a merge run: some prompts at a time, with all that its datasets are made of.

Traces come in the order of their prompts, so that a prompt's traces, its pairs and what was said of them are in hand
together and each text is read once. Long traces make small batches: they take no more memory than short ones.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import BooleanField, ExpressionWrapper, F, Func, IntegerField, Q, TextField
from django.db.models.functions import Cast

from annotation.models import (
    Decision,
    JudgeScore,
    MergedPreference,
    MergedTrace,
    MergeRun,
    Outcome,
    Rating,
    Ruling,
)
from annotation.rules.draft import by_index
from exports.formats.evidence import JudgeScores, RaterLabels, TraceEvidence
from exports.queries import IsAnyOf, load_traces
from exports.rows import JudgedPair, JudgedTrace

TRACES_AT_ONCE = 1_000
CHARACTERS_AT_ONCE = 2_000_000
"""A batch ends at whichever comes first. One trace may be longer; it then is a batch alone."""
_IDS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Traces by prompt and id; `pairs` of the prompts whose last trace is here, and `evidence`, where asked for."""

    traces: list[JudgedTrace]
    pairs: list[JudgedPair]
    evidence: list[TraceEvidence]


@dataclass(frozen=True, slots=True)
class _Ids:
    """What to read next: traces, and the prompts that end with them."""

    traces: list[int]
    prompts: list[int]


def stream_batches(
    run: MergeRun, *, min_p: float | None = None, with_evidence: bool = False
) -> Iterator[Batch]:
    """All traces of a merge run; with its preferences from P = `min_p` on, and with what was said, where wanted."""
    for ids in _list_ids(run):
        found = load_traces(run, ids.traces)
        traces = [found[trace_id] for trace_id in ids.traces]
        yield Batch(
            traces=traces,
            pairs=_load_pairs(run, ids.prompts, found, min_p) if min_p is not None else [],
            evidence=_load_evidence(run, traces) if with_evidence else [],
        )


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


def _load_pairs(
    run: MergeRun, prompts: list[int], in_hand: dict[int, JudgedTrace], min_p: float
) -> list[JudgedPair]:
    """The preferences of these prompts, by prompt and traces; what an earlier batch held is read once more."""
    rows = MergedPreference.objects.filter(IsAnyOf("prompt_id", prompts), run=run, probability__gte=min_p)
    ordered = rows.order_by("prompt_id", "chosen_id", "rejected_id")
    pairs = list(ordered.values_list("chosen_id", "rejected_id", "probability", "margin", "provenance"))
    missing = {trace for pair in pairs for trace in pair[:2]} - in_hand.keys()
    traces = in_hand | load_traces(run, missing) if missing else in_hand
    return [
        JudgedPair(traces[chosen], traces[rejected], probability, margin, provenance)
        for chosen, rejected, probability, margin, provenance in pairs
    ]


def _load_evidence(run: MergeRun, traces: Sequence[JudgedTrace]) -> list[TraceEvidence]:
    """The traces with the ratings, scores and decisions that the merge read."""
    ids = IsAnyOf("trace_id", [trace.trace_id for trace in traces])
    at = run.started_at or run.queued_at
    ratings, scores, decided = _load_ratings(ids, at), _load_scores(ids, at), _load_decided(ids, at)
    return [
        TraceEvidence(
            t,
            tuple(ratings.get(t.trace_id, ())),
            tuple(scores.get(t.trace_id, ())),
            decided.get(t.trace_id, ()),
        )
        for t in traces
    ]


def _load_ratings(ids: IsAnyOf, at: dt.datetime) -> dict[int, list[RaterLabels]]:
    """By trace and rater, each rater's last revision until `at` (as `list_ratings_as_of` has it, a trace at a time)."""
    # As text: most are empty, and reading each as JSON would take longer than everything else here.
    rows = Rating.objects.filter(ids).annotate(
        is_told=ExpressionWrapper(Q(submitted_at__lte=at), BooleanField()),
        categories=Cast("error_categories", TextField()),
        texts=Cast("rewrites", TextField()),
    )
    columns = rows.order_by("trace_id", "rater_id", "revision").values_list(
        "is_told", "trace_id", "rater_id", "outcome", "labels", "is_assisted", "categories", "texts"
    )
    last: dict[tuple[int, int], RaterLabels | None] = {}
    for is_told, trace, rater, outcome, labels, is_assisted, categories, rewrites in columns:
        if not is_told:
            continue
        last[trace, rater] = (
            RaterLabels(
                str(rater), tuple(labels), is_assisted, _read_remarks(categories), _read_remarks(rewrites)
            )
            if outcome == Outcome.RATED
            else None
        )
    found: dict[int, list[RaterLabels]] = defaultdict(list)
    for (trace, _), said in last.items():
        if said is not None:
            found[trace].append(said)
    return found


def _read_remarks(text: str) -> dict[int, str]:
    return by_index(json.loads(text)) if text != "{}" else {}


def _load_decided(ids: IsAnyOf, at: dt.datetime) -> dict[int, tuple[int | None, ...]]:
    """The labels of each trace's last decision until `at`, where it labels steps."""
    rows = Decision.objects.filter(ids, decided_at__lte=at).order_by("trace_id", "revision")
    last = {
        trace: (ruling, labels) for trace, ruling, labels in rows.values_list("trace_id", "ruling", "labels")
    }
    return {trace: tuple(labels) for trace, (ruling, labels) in last.items() if ruling == Ruling.STEPS}


def _load_scores(ids: IsAnyOf, at: dt.datetime) -> dict[int, list[JudgeScores]]:
    rows = JudgeScore.objects.filter(ids, created_at__lte=at)
    columns = rows.order_by("trace_id", "judge__name", "judge__version").values_list(
        "trace_id", "judge__name", "judge__version", "probabilities"
    )
    found: dict[int, list[JudgeScores]] = defaultdict(list)
    for trace, name, version, probabilities in columns:
        found[trace].append(JudgeScores(f"{name}@{version}", tuple(probabilities)))
    return found
