"""How far a project has got, from prompts to exports, what is stuck on the way, and how fast it goes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDay

from annotation.models import (
    Appeal,
    AppealState,
    Assignment,
    AssignmentState,
    Decision,
    Disagreement,
    GenerationBatch,
    JobState,
    JudgeRun,
    MergeRun,
    Project,
    Prompt,
    Rating,
    Trace,
)
from annotation.queries.crew import Crew, get_crew
from annotation.queries.labelled import count_labelled
from annotation.queries.trace_counts import TraceCounts, count_traces
from annotation.rules.pace import WINDOW_DAYS, Pace, measure_pace

DAYS_SHOWN = 30


@dataclass(frozen=True)
class Progress:
    """The funnel, and what keeps things from going on. All are numbers of rows.

    num_rated: traces somebody rated; num_whole: those that need no more raters. num_exported: those with a label in
    a merge that a finished export was made of, this project's own or one of several; num_unexported: those that the
    last merge gave a label and no such merge did. num_missing: ratings that open traces still want; num_unreachable:
    those of them that nobody is left to give. num_raters: people who may be handed work; num_untested: people who have
    not passed the test. num_unmerged: traces rated since the last merge began.
    """

    num_prompts: int
    num_unasked: int
    num_traces: int
    num_judged: int
    num_rated: int
    num_whole: int
    num_decided: int
    num_exported: int
    num_unexported: int
    num_gold: int
    num_held: int
    num_missing: int
    num_unreachable: int
    num_leased: int
    num_disagreements: int
    num_appeals: int
    overlap: int
    num_raters: int
    num_untested: int
    num_paused_raters: int
    num_paused_for_gold: int
    num_unmerged: int
    num_failed_batches: int
    num_failed_judge_runs: int
    num_failed_merges: int
    num_failed_exports: int
    pace: Pace


@dataclass(frozen=True)
class Day:
    """What was done on one day, in UTC."""

    day: dt.date
    num_by_people: int
    num_by_programs: int
    num_decisions: int

    @property
    def is_busy(self) -> bool:
        return bool(self.num_by_people or self.num_by_programs or self.num_decisions)


def get_progress(
    project: Project, *, now: dt.datetime, crew: Crew | None = None, counts: TraceCounts | None = None
) -> Progress:
    """`crew` and `counts`, made for that crew, save counting where the page has done it already."""
    crew = crew or get_crew(project)
    counts = counts or count_traces(project, now=now, able=crew.able)
    labelled = count_labelled(project)
    traces = Trace.objects.current().filter(project=project)
    prompts = Prompt.objects.filter(project=project)
    asked = Exists(Trace.objects.current().filter(prompt=OuterRef("pk")))
    recent = now - dt.timedelta(days=WINDOW_DAYS)
    return Progress(
        num_prompts=prompts.count(),
        num_unasked=prompts.filter(~asked).count(),
        num_traces=counts.num_traces,
        num_judged=counts.num_judged,
        num_rated=counts.num_rated,
        num_whole=counts.num_whole,
        num_decided=counts.num_decided,
        num_exported=labelled.num_exported,
        num_unexported=labelled.num_unexported,
        num_gold=counts.num_gold,
        num_held=counts.num_held,
        num_missing=counts.num_missing,
        num_unreachable=counts.num_unreachable,
        num_leased=Assignment.objects.filter(trace__in=traces, state=AssignmentState.LEASED).count(),
        num_disagreements=Disagreement.objects.filter(
            project=project, is_open=True, trace__in=traces
        ).count(),
        num_appeals=Appeal.objects.filter(trace__project=project, state=AppealState.OPEN).count(),
        overlap=project.overlap,
        num_raters=len(crew.able),
        num_untested=crew.num_untested,
        num_paused_raters=crew.num_paused,
        num_paused_for_gold=crew.num_paused_for_gold,
        num_unmerged=counts.num_unmerged,
        num_failed_batches=_count_failed(GenerationBatch, project, since=recent),
        num_failed_judge_runs=_count_failed(JudgeRun, project, since=recent),
        num_failed_merges=_count_failed(MergeRun, project, since=recent),
        num_failed_exports=_count_failed_exports(project, since=recent),
        pace=measure_pace(
            num_recent=counts.num_recent, first_at=counts.first_at, num_left=counts.num_missing, now=now
        ),
    )


def list_days(project: Project, *, now: dt.datetime, num_days: int = DAYS_SHOWN) -> list[Day]:
    """The last days, today included, the earliest first; days without anything too."""
    first = now.astimezone(dt.UTC).date() - dt.timedelta(days=num_days - 1)
    since = dt.datetime.combine(first, dt.time(), tzinfo=dt.UTC)
    ratings = Rating.objects.filter(trace__project=project, revision=1, submitted_at__gte=since)
    decisions = Decision.objects.filter(trace__project=project, decided_at__gte=since)
    rated = _count_by_day(ratings, "submitted_at", "rater__is_simulated")
    decided = _count_by_day(decisions, "decided_at")
    days = [first + dt.timedelta(days=number) for number in range(num_days)]
    return [Day(day, rated[day, False], rated[day, True], decided[(day,)]) for day in days]


def _count_by_day(rows: QuerySet[Any], field: str, *apart: str) -> Counter[tuple[Any, ...]]:
    """Rows by (day, what they differ in of `apart`)."""
    days = rows.order_by().annotate(day=TruncDay(field, tzinfo=dt.UTC)).values_list("day", *apart)
    return Counter({(day.date(), *told): num for day, *told, num in days.annotate(num=Count("pk"))})


def _count_failed(model: Any, project: Project, *, since: dt.datetime) -> int:
    failed: int = model._default_manager.filter(
        project=project, state=JobState.FAILED, finished_at__gt=since
    ).count()
    return failed


def _count_failed_exports(project: Project, *, since: dt.datetime) -> int:
    """By the project's side of the relation: exports stand above this app, which does not know their model."""
    has_failed = Q(export__state=JobState.FAILED, export__finished_at__gt=since)
    num: int = Project.objects.filter(pk=project.pk).aggregate(num=Count("export", filter=has_failed))["num"]
    return num
