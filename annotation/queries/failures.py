"""What a batch or a judge run could not do: every item, and how many for which reason."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from annotation.models import BatchFailure, GenerationBatch, JudgeFailure, JudgeRun, Project

MOST_REASONS = 20


@dataclass(frozen=True)
class FailureCount:
    """How many items failed for one reason. `is_varied`: it is said with other numbers too, such as each prompt's
    length; what a server answered (500) is no such number. `reason` is one of these wordings."""

    reason: str
    count: int
    is_varied: bool


@dataclass(frozen=True)
class FailureTally:
    """How many items failed in all, and the most frequent reasons; `num_more_reasons` are not among them."""

    num_items: int = 0
    reasons: tuple[FailureCount, ...] = ()
    num_more_reasons: int = 0


def list_batch_failures(batch: GenerationBatch) -> QuerySet[BatchFailure]:
    """The batch's items without a trace, with their prompts."""
    return BatchFailure.objects.filter(batch=batch).select_related("prompt")


def list_judge_failures(run: JudgeRun) -> QuerySet[JudgeFailure]:
    """The run's traces without a score, with their prompts."""
    failures = JudgeFailure.objects.filter(run=run).select_related("trace__prompt")
    return failures.defer("trace__completion", "trace__step_ends", "trace__sampling")


def list_batch_failures_in(projects: QuerySet[Project]) -> QuerySet[BatchFailure]:
    return BatchFailure.objects.filter(batch__project__in=projects)


def list_judge_failures_in(projects: QuerySet[Project]) -> QuerySet[JudgeFailure]:
    return JudgeFailure.objects.filter(run__project__in=projects)


def count_batch_failures(batch: GenerationBatch) -> FailureTally:
    return _count("annotation_batchfailure", "batch_id", batch.pk)


def count_judge_failures(run: JudgeRun) -> FailureTally:
    return _count("annotation_judgefailure", "run_id", run.pk)


def _count(view: str, whole: str, whole_id: int) -> FailureTally:
    # Asked once a second while a page is open: one pass over the items, 100,000 of them in about half a second.
    sql = f"""
        SELECT min(reason COLLATE "C"), count(*), min(reason COLLATE "C") <> max(reason COLLATE "C"),
            sum(count(*)) OVER (), count(*) OVER ()
        FROM {view} WHERE {whole} = %s
        GROUP BY regexp_replace(reason, '[0-9.,]+', '', 'g') COLLATE "C", substring(reason FROM 'answered [0-9]+')
        ORDER BY 2 DESC, 1 LIMIT %s
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [whole_id, MOST_REASONS])
        rows = cursor.fetchall()
    if not rows:
        return FailureTally()
    *_, num_items, num_reasons = rows[0]
    return FailureTally(
        num_items=int(num_items),
        reasons=tuple(FailureCount(reason, count, is_varied) for reason, count, is_varied, _, _ in rows),
        num_more_reasons=num_reasons - len(rows),
    )
