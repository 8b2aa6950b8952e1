"""One trace's posterior taken apart, step by step: which rating and which judge moved it, and by how much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.db.models.functions import Abs

from annotation.merging.data import MERGE_VERSION, JudgeRow, MergeInputError, RatingRow, TraceRow
from annotation.merging.data import MergedTrace as MergedRow
from annotation.merging.explain import Explanation, explain
from annotation.merging.stored import load_diagnostics
from annotation.models import Account, Gold, JudgeScore, MergedTrace, MergeRun, Outcome, Ruling
from annotation.queries.decisions import list_decisions_as_of
from annotation.queries.merges import list_ratings_as_of
from annotation.rules.deciding import decided_steps
from annotation.rules.segmentation import split_steps

SHOWN_FROM = 0.0005
"""Whoever moved a step by less is not worth a line."""
SAME = 1e-6
NUM_UNDECIDED = 10


@dataclass(frozen=True)
class Influence:
    """One source at one step: what it said (a label or a probability), and P(stands) with it minus without it."""

    source: str
    is_rating: bool
    is_simulated: bool
    label: int | None
    probability: float | None
    change: float


@dataclass(frozen=True)
class ExplainedStep:
    """One step: its posterior, what it would be if nobody were heard, and who moved it, the strongest first."""

    number: int
    text: str
    posterior: float
    alone: float | None
    influences: tuple[Influence, ...]


@dataclass(frozen=True)
class ExplainedTrace:
    """A merged trace taken apart. `refusal`: why it can't be. `has_drifted`: recomputed, its numbers are others."""

    merged: MergedTrace
    steps: tuple[ExplainedStep, ...]
    refusal: str = ""
    is_decided: bool = False
    has_drifted: bool = False


def explain_trace(run: MergeRun, merged: MergedTrace) -> ExplainedTrace:
    """What a finished merge run said of a trace, and why."""
    trace, ratings, scores = _read_trace(run, merged), _read_ratings(run, merged), _read_scores(run, merged)
    if merged.p_trace is None:
        return ExplainedTrace(merged, ())
    try:
        found = explain(
            _read_merged(merged), trace, ratings, scores, load_diagnostics(json.dumps(run.diagnostics))
        )
    except (MergeInputError, ValueError, KeyError, TypeError):
        return ExplainedTrace(
            merged,
            (),
            refusal=f"This merge was run by {run.merge_version}; {MERGE_VERSION} can't take its numbers apart. "
            "Merge again to see why.",
        )
    stored = [p for p in merged.posterior if p is not None]
    drift = max((abs(p - q) for p, q in zip(stored, found.posterior, strict=True)), default=0.0)
    return ExplainedTrace(
        merged=merged,
        steps=tuple(_explain_steps(merged, found, ratings, scores)),
        is_decided=trace.decided is not None,
        has_drifted=drift > SAME,
    )


def list_merged_traces(run: MergeRun) -> QuerySet[MergedTrace]:
    """What a merge run said of each trace, with the traces."""
    return MergedTrace.objects.filter(run=run).select_related("trace__prompt")


def list_undecided(run: MergeRun) -> QuerySet[MergedTrace]:
    """The traces about which a run is least sure, by P(trace)."""
    known = MergedTrace.objects.filter(run=run, p_trace__isnull=False).exclude(provenance="gold")
    return known.annotate(certainty=Abs(F("p_trace") - 0.5)).order_by("certainty", "trace")[:NUM_UNDECIDED]


def _read_trace(run: MergeRun, merged: MergedTrace) -> TraceRow:
    trace = merged.trace
    gold = Gold.objects.filter(trace=trace).first() if merged.provenance == "gold" else None
    decision = (
        list_decisions_as_of(run.project, at=run.started_at or run.queued_at).filter(trace=trace).first()
    )
    is_decided = decision is not None and decision.ruling == Ruling.STEPS
    return TraceRow(
        trace_id=str(trace.pk),
        prompt_id=str(trace.prompt_id),
        num_steps=trace.num_steps,
        final_answer_correct=trace.is_answer_correct,
        gold=tuple(int(stands) for stands in gold.stands) if gold is not None else None,
        decided=tuple(int(stands) for stands in decided_steps(decision.labels)) if is_decided else None,  # type: ignore[union-attr]
        decided_blind=is_decided and not decision.has_seen_scores,  # type: ignore[union-attr]
    )


def _read_ratings(run: MergeRun, merged: MergedTrace) -> list[RatingRow]:
    rows = list_ratings_as_of(run.project, at=run.started_at or run.queued_at)
    columns = rows.filter(trace=merged.trace_id, outcome=Outcome.RATED).values_list(
        "rater", "labels", "is_assisted"
    )
    return [
        RatingRow(str(merged.trace_id), str(rater), tuple(labels), is_assisted)
        for rater, labels, is_assisted in columns
    ]


def _read_scores(run: MergeRun, merged: MergedTrace) -> list[JudgeRow]:
    rows = JudgeScore.objects.filter(trace=merged.trace_id, created_at__lte=run.started_at or run.queued_at)
    columns = rows.values_list("judge__name", "judge__version", "probabilities")
    return [
        JudgeRow(str(merged.trace_id), f"{name}@{version}", tuple(probabilities))
        for name, version, probabilities in columns
    ]


def _read_merged(merged: MergedTrace) -> MergedRow:
    return MergedRow(
        trace_id=str(merged.trace_id),
        prompt_id=str(merged.trace.prompt_id),
        posterior=tuple(p for p in merged.posterior if p is not None),
        p_trace=merged.p_trace,
        first_error=merged.first_error,
        provenance=merged.provenance,  # type: ignore[arg-type]  # the column's choices are the merge's
        judges=tuple(merged.judges),
        num_raters=merged.num_raters,
        num_blind_raters=merged.num_blind_raters,
        fold=merged.fold,
    )


def _explain_steps(
    merged: MergedTrace, found: Explanation, ratings: list[RatingRow], scores: list[JudgeRow]
) -> Iterator[ExplainedStep]:
    said = {("rating", row.rater): row.labels for row in ratings}
    scored = {("judge", row.judge): row.probabilities for row in scores}
    people = Account.objects.in_bulk([int(row.rater) for row in ratings])
    texts = split_steps(merged.trace.completion, merged.trace.step_ends)
    for index, (text, posterior) in enumerate(zip(texts, found.posterior, strict=True)):
        influences = []
        for row in found.contributions:
            labels, probabilities = said.get((row.kind, row.source)), scored.get((row.kind, row.source))
            person = people.get(int(row.source)) if row.kind == "rating" else None
            influences.append(
                Influence(
                    source=row.source if person is None else str(person),
                    is_rating=row.kind == "rating",
                    is_simulated=person is not None and person.is_simulated,
                    label=None if labels is None else labels[index],
                    probability=None if probabilities is None else probabilities[index],
                    change=row.changes[index],
                )
            )
        influences.sort(key=lambda one: (-abs(one.change), one.source))
        yield ExplainedStep(
            number=index + 1,
            text=text,
            posterior=posterior,
            alone=found.without_sources[index] if found.without_sources else None,
            influences=tuple(
                one
                for one in influences
                if abs(one.change) >= SHOWN_FROM or one.label is not None or one.probability is not None
            ),
        )
