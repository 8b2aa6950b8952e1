"""How far a project has got, from prompts to exports, what is stuck on the way, and how fast it goes."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, TruncDay

from annotation.models import (
    Appeal,
    AppealState,
    Assignment,
    AssignmentState,
    Decision,
    Disagreement,
    GenerationBatch,
    Gold,
    JobState,
    JudgeRun,
    JudgeScore,
    Membership,
    MergedTrace,
    MergeRun,
    Priority,
    Project,
    Prompt,
    Rating,
    Role,
    Trace,
)
from annotation.rules.pace import WINDOW_DAYS, Pace, measure_pace

DAYS_SHOWN = 30


@dataclass(frozen=True)
class Progress:
    """The funnel, and what keeps things from going on. All are numbers of rows.

    num_rated: traces somebody rated; num_whole: those that need no more raters. num_exported: those with a label in
    the merge of some finished export. num_missing: ratings that open traces still want. num_unmerged: traces rated
    since the last merge began.
    """

    num_prompts: int
    num_unasked: int
    num_traces: int
    num_judged: int
    num_rated: int
    num_whole: int
    num_decided: int
    num_exported: int
    num_gold: int
    num_held: int
    num_missing: int
    num_leased: int
    num_disagreements: int
    num_appeals: int
    num_raters: int
    num_paused_raters: int
    num_unmerged: int
    num_failed_batches: int
    num_failed_judge_runs: int
    num_failed_merges: int
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


def get_progress(project: Project, *, now: dt.datetime) -> Progress:
    traces = Trace.objects.current().filter(project=project)
    prompts = Prompt.objects.filter(project=project)
    asked = Exists(Trace.objects.current().filter(prompt=OuterRef("pk")))
    raters = Membership.objects.filter(project=project, role=Role.RATER)
    recent = now - dt.timedelta(days=WINDOW_DAYS)
    counted = _count_traces(project, traces)
    ratings = Rating.objects.filter(trace__project=project, revision=1)
    return Progress(
        **counted,
        num_prompts=prompts.count(),
        num_unasked=prompts.filter(~asked).count(),
        num_leased=Assignment.objects.filter(trace__in=traces, state=AssignmentState.LEASED).count(),
        num_disagreements=Disagreement.objects.filter(
            project=project, is_open=True, trace__in=traces
        ).count(),
        num_appeals=Appeal.objects.filter(trace__project=project, state=AppealState.OPEN).count(),
        num_raters=raters.filter(paused_at__isnull=True, account__is_active=True).count(),
        num_paused_raters=raters.filter(paused_at__isnull=False).count(),
        num_unmerged=_count_unmerged(project, traces),
        num_failed_batches=_count_failed(GenerationBatch, project, since=recent),
        num_failed_judge_runs=_count_failed(JudgeRun, project, since=recent),
        num_failed_merges=_count_failed(MergeRun, project, since=recent),
        pace=measure_pace(
            num_recent=ratings.filter(submitted_at__gt=recent, rater__is_simulated=False).count(),
            first_at=ratings.filter(rater__is_simulated=False).aggregate(first=Min("submitted_at"))["first"],
            num_left=counted["num_missing"],
            now=now,
        ),
    )


def list_days(project: Project, *, now: dt.datetime, num_days: int = DAYS_SHOWN) -> list[Day]:
    """The last days, today included, the earliest first; days without anything too."""
    first = now.astimezone(dt.UTC).date() - dt.timedelta(days=num_days - 1)
    since = dt.datetime.combine(first, dt.time(), tzinfo=dt.UTC)
    ratings = Rating.objects.filter(trace__project=project, revision=1, submitted_at__gte=since)
    decisions = Decision.objects.filter(trace__project=project, decided_at__gte=since)
    people = _count_by_day(ratings.filter(rater__is_simulated=False), "submitted_at")
    programs = _count_by_day(ratings.filter(rater__is_simulated=True), "submitted_at")
    decided = _count_by_day(decisions, "decided_at")
    days = [first + dt.timedelta(days=number) for number in range(num_days)]
    return [Day(day, people[day], programs[day], decided[day]) for day in days]


def _count_by_day(rows: QuerySet[Any], field: str) -> defaultdict[dt.date, int]:
    days = (
        rows.order_by().annotate(day=TruncDay(field, tzinfo=dt.UTC)).values("day").annotate(num=Count("pk"))
    )
    return defaultdict(int, {row["day"].date(): row["num"] for row in days})


def _count_traces(project: Project, traces: QuerySet[Trace]) -> dict[str, int]:
    """All that is counted of traces, in one pass over them."""
    submitted = Assignment.objects.filter(trace=OuterRef("pk"), state=AssignmentState.SUBMITTED)
    num_submitted = submitted.order_by().values("trace").annotate(num=Count("pk")).values("num")
    exported = MergeRun._default_manager.filter(project=project, export__state=JobState.FINISHED)
    in_export = MergedTrace.objects.filter(
        trace=OuterRef("pk"), run__in=exported.values("pk"), p_trace__isnull=False
    )
    described = traces.annotate(
        num_submitted=Coalesce(Subquery(num_submitted), 0, output_field=IntegerField()),
        is_judged=Exists(JudgeScore.objects.filter(trace=OuterRef("pk"))),
        is_rated=Exists(Rating.objects.filter(trace=OuterRef("pk"))),
        is_decided=Exists(Decision.objects.filter(trace=OuterRef("pk"))),
        is_gold=Exists(Gold.objects.filter(trace=OuterRef("pk"))),
        is_exported=Exists(in_export),
    ).annotate(
        num_wanted=Case(
            When(is_gold=True, then=Value(0)),
            When(is_decided=True, then=Value(0)),
            When(priority=Priority.HELD, then=Value(0)),
            default=Greatest(Value(project.overlap) - F("num_submitted"), Value(0)),
            output_field=IntegerField(),
        )
    )
    is_whole = Q(is_decided=True) | Q(is_gold=True) | Q(num_submitted__gte=project.overlap)
    return described.order_by().aggregate(
        num_traces=Count("pk"),
        num_judged=Count("pk", filter=Q(is_judged=True)),
        num_rated=Count("pk", filter=Q(is_rated=True)),
        num_whole=Count("pk", filter=is_whole),
        num_decided=Count("pk", filter=Q(is_decided=True)),
        num_exported=Count("pk", filter=Q(is_exported=True)),
        num_gold=Count("pk", filter=Q(is_gold=True)),
        num_held=Count("pk", filter=Q(priority=Priority.HELD, is_gold=False)),
        num_missing=Coalesce(Sum("num_wanted"), 0),
    )


def _count_unmerged(project: Project, traces: QuerySet[Trace]) -> int:
    last = (
        MergeRun._default_manager.filter(project=project, state=JobState.FINISHED)
        .order_by("-queued_at")
        .values_list("started_at", flat=True)
        .first()
    )
    later = Rating.objects.filter(trace=OuterRef("pk"))
    if last is not None:
        later = later.filter(submitted_at__gt=last)
    return traces.filter(Exists(later)).count()


def _count_failed(model: Any, project: Project, *, since: dt.datetime) -> int:
    failed: int = model._default_manager.filter(
        project=project, state=JobState.FAILED, finished_at__gt=since
    ).count()
    return failed
