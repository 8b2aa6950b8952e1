"""What a merge reads, and what a merge run found: rows in for the merge, summaries out for its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet

from annotation.merging.data import (
    Choice,
    ComparisonRow,
    JudgeRow,
    MergeInput,
    MergePolicy,
    RatingRow,
    TraceRow,
)
from annotation.models import (
    Account,
    Comparison,
    Decision,
    Gold,
    JudgeScore,
    MergedPreference,
    MergedTrace,
    MergeRun,
    Outcome,
    Project,
    Provenance,
    Rating,
    Ruling,
    Trace,
)
from annotation.queries.decisions import list_decisions_as_of
from annotation.queries.merge_runs import used_verdict
from annotation.rules.deciding import decided_steps

_ROWS_AT_ONCE = 2000
NUM_BINS = 20


class _DecidedFields(TypedDict, total=False):
    decided: tuple[int, ...]
    decided_blind: bool


@dataclass(frozen=True)
class RatingCounts:
    num_ratings: int
    num_simulated: int


def list_ratings_as_of(project: Project, *, at: dt.datetime) -> QuerySet[Rating]:
    """The ratings that stood at a moment: each rater's last revision until then, whatever its outcome.

    Revisions are only ever added, so the answer for a moment in the past never changes.
    """
    later = Rating.objects.filter(
        trace=OuterRef("trace"),
        rater=OuterRef("rater"),
        revision__gt=OuterRef("revision"),
        submitted_at__lte=at,
    )
    return Rating.objects.filter(~Exists(later), trace__project=project, submitted_at__lte=at)


def count_ratings(run: MergeRun) -> RatingCounts:
    """How many ratings a merge rests on, and how many of them a program gave."""
    ratings = list_ratings_as_of(run.project, at=run.started_at or run.queued_at).filter(
        outcome=Outcome.RATED
    )
    simulated = ratings.filter(rater__is_simulated=True)
    return RatingCounts(num_ratings=ratings.count(), num_simulated=simulated.count())


def read_merge_input(project: Project, *, at: dt.datetime) -> MergeInput:
    """Everything people and judges said of a project's current traces until `at`. Raters are account ids."""
    decisions = {decision.trace_id: decision for decision in list_decisions_as_of(project, at=at)}
    traces = list(_read_traces(project, decisions))
    known = {trace.trace_id for trace in traces}
    broken = {str(pk) for pk, decision in decisions.items() if decision.ruling == Ruling.BAD_PROBLEM}
    said = known - broken  # what was said of a trace whose prompt is decided to be broken labels nothing
    return MergeInput(
        traces=traces,
        ratings=[row for row in _read_ratings(project, at) if row.trace_id in said],
        judges=[row for row in _read_judge_scores(project, at) if row.trace_id in said],
        comparisons=[
            row for row in _read_comparisons(project, at) if row.trace_a in known and row.trace_b in known
        ],
    )


def _read_traces(project: Project, decisions: Mapping[int, Decision]) -> Iterator[TraceRow]:
    gold = dict(Gold.objects.filter(trace__project=project).values_list("trace", "stands"))
    rows = Trace.objects.current().filter(project=project)
    columns = rows.values_list("pk", "prompt", "step_ends", "is_answer_correct")
    for pk, prompt, step_ends, is_answer_correct in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        yield TraceRow(
            trace_id=str(pk),
            prompt_id=str(prompt),
            num_steps=len(step_ends),
            final_answer_correct=is_answer_correct,
            gold=tuple(int(stands) for stands in gold[pk]) if pk in gold else None,
            **_read_decision(decisions.get(pk)),
        )


def _read_decision(decision: Decision | None) -> _DecidedFields:
    if decision is None or decision.ruling != Ruling.STEPS:
        return {}
    stands = tuple(int(step_stands) for step_stands in decided_steps(decision.labels))
    return {"decided": stands, "decided_blind": not decision.has_seen_scores}


def _read_ratings(project: Project, at: dt.datetime) -> Iterator[RatingRow]:
    rows = list_ratings_as_of(project, at=at).filter(outcome=Outcome.RATED)
    columns = rows.values_list("trace", "rater", "labels", "is_assisted")
    for trace, rater, labels, is_assisted in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        yield RatingRow(str(trace), str(rater), tuple(labels), assisted=is_assisted)


def _read_judge_scores(project: Project, at: dt.datetime) -> Iterator[JudgeRow]:
    rows = JudgeScore.objects.filter(trace__project=project, created_at__lte=at)
    columns = rows.values_list("trace", "judge__name", "judge__version", "probabilities")
    for trace, name, version, probabilities in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        yield JudgeRow(str(trace), f"{name}@{version}", tuple(probabilities))


def _read_comparisons(project: Project, at: dt.datetime) -> Iterator[ComparisonRow]:
    rows = Comparison.objects.filter(prompt__project=project, submitted_at__lte=at)
    columns = rows.values_list("prompt", "trace_a", "trace_b", "rater", "choice")
    for prompt, trace_a, trace_b, rater, choice in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        yield ComparisonRow(str(prompt), str(trace_a), str(trace_b), str(rater), cast(Choice, choice))


def has_anything_to_merge(project: Project) -> bool:
    """Whether anybody rated or compared, any judge scored, or any trace is gold or decided."""
    said = (Rating.objects.filter(outcome=Outcome.RATED), JudgeScore.objects, Gold.objects, Decision.objects)
    return (
        any(rows.filter(trace__project=project).exists() for rows in said)
        or Comparison.objects.filter(prompt__project=project).exists()
    )


def list_merge_runs(project: Project) -> QuerySet[MergeRun]:
    """The project's merge runs, the newest first."""
    runs = cast("QuerySet[MergeRun]", MergeRun.objects.filter(project=project))
    return runs.select_related("created_by")


def find_latest_merge(project: Project, policy: MergePolicy | None = None) -> MergeRun | None:
    """The newest finished merge run; given a policy, of those that merged by it."""
    runs = list_merge_runs(project).filter(state="finished")
    if policy is not None:
        runs = runs.filter(policy=policy.name, recovery=policy.recovery, uses_verdict=policy.use_verdict)
    return runs.order_by("-queued_at", "-pk").first()


@dataclass(frozen=True)
class ProvenanceCount:
    """How many traces rest on which evidence."""

    provenance: Provenance
    num_traces: int


@dataclass(frozen=True)
class PosteriorBin:
    """How many steps have a posterior in [low, high)."""

    low: float
    high: float
    num_steps: int


@dataclass(frozen=True)
class Calibration:
    """What became of one set of judges: used, or why not."""

    judges: tuple[str, ...]
    is_calibrated: bool
    reason: str
    num_traces: int
    expected_errors: float
    gain: float


@dataclass(frozen=True)
class RaterRow:
    """One rater as the merge sees them; the matrix has rows R, E, A and columns -1, 0, +1."""

    name: str
    is_simulated: bool
    num_labels: int
    matrix: tuple[tuple[float, ...], ...]
    sensitivity: float
    sensitivity_interval: tuple[float, float]
    specificity: float
    specificity_interval: tuple[float, float]


@dataclass(frozen=True)
class MergeSummary:
    """What the page of a finished merge run shows."""

    rating_counts: RatingCounts
    provenances: tuple[ProvenanceCount, ...]
    num_preferences: int
    bins: tuple[PosteriorBin, ...]
    num_undecided_steps: int
    num_steps: int
    calibrations: tuple[Calibration, ...]
    raters: tuple[RaterRow, ...]
    crew: tuple[tuple[float, ...], ...]
    num_comparisons: int
    beta: float
    is_beta_fitted: bool
    used_verdict: bool


def summarise_merge(run: MergeRun) -> MergeSummary:
    """Counts, distribution, judges and raters of a finished merge run."""
    found = run.diagnostics
    people = found.get("people") or {}
    bins = _count_posteriors(run)
    return MergeSummary(
        rating_counts=count_ratings(run),
        provenances=_count_provenances(run),
        num_preferences=MergedPreference.objects.filter(run=run).count(),
        bins=bins,
        num_undecided_steps=sum(bin.num_steps for bin in bins if 0.2 <= bin.low < 0.8),
        num_steps=sum(bin.num_steps for bin in bins),
        calibrations=tuple(_read_calibration(row) for row in found.get("calibrations", [])),
        raters=_read_raters(people.get("raters", [])),
        crew=tuple(tuple(row) for row in people.get("crew", [])),
        num_comparisons=int(found.get("num_comparisons", 0)),
        beta=float(found.get("beta", 1.0)),
        is_beta_fitted=bool(found.get("is_beta_fitted", False)),
        used_verdict=used_verdict(run),
    )


def _count_provenances(run: MergeRun) -> tuple[ProvenanceCount, ...]:
    counted = MergedTrace.objects.filter(run=run).order_by().values_list("provenance")
    counts = dict(counted.annotate(num_traces=Count("pk")))
    return tuple(ProvenanceCount(provenance, counts.get(provenance, 0)) for provenance in Provenance)


def _count_posteriors(run: MergeRun) -> tuple[PosteriorBin, ...]:
    """Step posteriors in NUM_BINS equal bins; 1.0 belongs to the last."""
    sql = """
        SELECT LEAST(width_bucket(p, 0, 1, %s), %s), count(*)
        FROM annotation_mergedtrace, unnest(posterior) AS p WHERE run_id = %s AND p IS NOT NULL GROUP BY 1
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [NUM_BINS, NUM_BINS, run.pk])
        counts = dict(cursor.fetchall())
    return tuple(
        PosteriorBin(i / NUM_BINS, (i + 1) / NUM_BINS, counts.get(i + 1, 0)) for i in range(NUM_BINS)
    )


def _read_calibration(row: dict[str, Any]) -> Calibration:
    return Calibration(
        judges=tuple(row["judges"]),
        is_calibrated=row["is_calibrated"],
        reason=row["reason"],
        num_traces=row["num_traces"],
        expected_errors=row["expected_errors"],
        gain=row["gain"],
    )


def _read_raters(rows: Sequence[dict[str, Any]]) -> tuple[RaterRow, ...]:
    accounts = Account.objects.in_bulk([int(row["rater"]) for row in rows])
    raters = [
        RaterRow(
            name=str(accounts.get(int(row["rater"]), "a former rater")),
            is_simulated=getattr(accounts.get(int(row["rater"])), "is_simulated", False),
            num_labels=row["num_labels"],
            matrix=tuple(tuple(line) for line in row["matrix"]),
            sensitivity=row["sensitivity"],
            sensitivity_interval=tuple(row["sensitivity_interval"]),
            specificity=row["specificity"],
            specificity_interval=tuple(row["specificity_interval"]),
        )
        for row in rows
    ]
    return tuple(sorted(raters, key=lambda rater: (-rater.num_labels, rater.name)))
