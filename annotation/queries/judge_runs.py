"""What judges have scored, have still to score, and how far a run has got."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import cast

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Sum

from annotation.models import (
    GenerationBatch,
    JobState,
    Judge,
    JudgeRun,
    JudgeScore,
    Project,
    Trace,
)
from annotation.queries.failures import FailureTally, count_judge_failures


def list_unjudged_traces(
    project: Project, judge: Judge, *, batch: GenerationBatch | None = None
) -> QuerySet[Trace]:
    """The project's current traces (or one batch's) that this version of the judge has not scored, oldest first."""
    scored = JudgeScore.objects.filter(trace=OuterRef("pk"), judge=judge)
    traces = Trace.objects.current().filter(~Exists(scored), project=project)
    return traces.filter(batch=batch) if batch is not None else traces


def list_own_judges(project: Project) -> QuerySet[Judge]:
    """The judges made in the project that are not retired, by name, the newest version first."""
    own = Judge.objects.filter(project=project, retired_at=None).select_related("model_spec")
    return own.order_by("name", "-created_at", "-pk")


def list_judge_runs(project: Project) -> QuerySet[JudgeRun]:
    """The project's judge runs, the newest first."""
    runs = cast("QuerySet[JudgeRun]", JudgeRun.objects.filter(project=project))
    return runs.select_related("judge__model_spec", "created_by")


@dataclass(frozen=True)
class JudgedCount:
    """How many of a project's current traces a judge has scored."""

    num_judged: int
    num_traces: int


def count_judged(project: Project, judge: Judge) -> JudgedCount:
    traces = Trace.objects.current().filter(project=project)
    judged = traces.filter(Exists(JudgeScore.objects.filter(trace=OuterRef("pk"), judge=judge)))
    return JudgedCount(num_judged=judged.count(), num_traces=traces.count())


@dataclass(frozen=True)
class RunProgress:
    """How far a judge run has got. Times are seconds; eta_seconds is None where nothing can be said yet."""

    num_done: int
    num_expected: int
    num_steps_scored: int
    failures: FailureTally
    elapsed_seconds: float
    eta_seconds: float | None

    @property
    def num_failed(self) -> int:
        return self.failures.num_items

    @property
    def num_scored(self) -> int:
        return self.num_done - self.num_failed

    @property
    def traces_per_second(self) -> float:
        return self.num_done / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0


def get_run_progress(run: JudgeRun, *, now: dt.datetime) -> RunProgress:
    chunks = run.chunks.filter(state__in=(JobState.FINISHED, JobState.FAILED))
    num_done = chunks.aggregate(num=Sum("trace_ids__len"))["num"] or 0
    elapsed = ((run.finished_at or now) - run.started_at).total_seconds() if run.started_at else 0.0
    eta = elapsed / num_done * (run.num_traces - num_done) if run.is_open and num_done else None
    return RunProgress(
        num_done=num_done,
        num_expected=run.num_traces,
        num_steps_scored=_count_scored_steps(run),
        failures=count_judge_failures(run),
        elapsed_seconds=elapsed,
        eta_seconds=eta,
    )


def _count_scored_steps(run: JudgeRun) -> int:
    sql = """
        SELECT count(*)
        FROM annotation_judgechunk AS chunk, unnest(chunk.trace_ids) AS judged(trace_id)
        JOIN annotation_judgescore AS score ON score.trace_id = judged.trace_id AND score.judge_id = %s,
        unnest(score.probabilities) AS p
        WHERE chunk.run_id = %s AND chunk.state = 'finished' AND p IS NOT NULL
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [run.judge_id, run.pk])
        return int(cursor.fetchone()[0])
