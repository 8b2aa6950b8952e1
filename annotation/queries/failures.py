"""What a batch or a judge run could not do: every item, and how many for which reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Count, F, Func, Min, QuerySet, TextField, Value

from annotation.models import BatchFailure, GenerationBatch, JudgeFailure, JudgeRun, Project

MOST_REASONS = 20
# A prompt's length makes each reason another one; what a server answered (500) is part of the reason.
_NUMBERS = r"(?<!answered |[\d.,])\d[\d.,]*"


@dataclass(frozen=True)
class FailureCount:
    """How many items failed for one reason. `num_wordings`: in how many ways it is said, with other numbers; `reason`
    is one of them."""

    reason: str
    count: int
    num_wordings: int


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
    return _count(BatchFailure.objects.filter(batch=batch))


def count_judge_failures(run: JudgeRun) -> FailureTally:
    return _count(JudgeFailure.objects.filter(run=run))


def _count(failures: QuerySet[Any]) -> FailureTally:
    unnumbered = Func(
        F("reason"),
        Value(_NUMBERS),
        Value("#"),
        Value("g"),
        function="regexp_replace",
        output_field=TextField(),
    )
    named = failures.order_by().annotate(alike=unnumbered)
    whole = named.aggregate(items=Count("pk"), reasons=Count("alike", distinct=True))
    if not whole["items"]:
        return FailureTally()
    grouped = named.values("alike").annotate(
        example=Min("reason"), count=Count("pk"), wordings=Count("reason", distinct=True)
    )
    rows = cast("list[dict[str, Any]]", list(grouped.order_by("-count", "example")[:MOST_REASONS]))
    return FailureTally(
        num_items=whole["items"],
        reasons=tuple(FailureCount(row["example"], row["count"], row["wordings"]) for row in rows),
        num_more_reasons=whole["reasons"] - len(rows),
    )
