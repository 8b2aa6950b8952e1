"""How far a batch has got."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import cast

from django.db.models import Count, Q, QuerySet, Sum

from annotation.models import ChunkedJob, GenerationBatch, Project, Trace
from annotation.queries.failures import FailureTally, count_batch_failures
from annotation.queries.spending import Spending, get_spending

_NEWEST = 5


def list_batches(project: Project) -> QuerySet[GenerationBatch]:
    """The project's batches, the newest first, with `num_traces`."""
    batches = cast("QuerySet[GenerationBatch]", GenerationBatch.objects.filter(project=project))
    counted = batches.select_related("model_spec", "created_by").annotate(num_traces=Count("traces"))
    return counted.order_by("-queued_at", "-pk")


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch has got. Times are seconds; eta_seconds is None where nothing can be said yet.
    has_estimated_tokens: its server does not tell how many it read or wrote."""

    num_traces: int
    num_expected: int
    num_tokens: int
    failures: FailureTally
    elapsed_seconds: float
    eta_seconds: float | None
    newest: tuple[Trace, ...]
    spending: Spending
    has_estimated_tokens: bool = False

    @property
    def num_failed(self) -> int:
        return self.failures.num_items

    @property
    def num_done(self) -> int:
        return self.num_traces + self.num_failed

    @property
    def num_left(self) -> int:
        """Of which there is neither a trace nor a reason."""
        return max(0, self.num_expected - self.num_done)

    @property
    def tokens_per_second(self) -> float:
        return self.num_tokens / self.elapsed_seconds if self.elapsed_seconds > 0 else 0.0


def get_batch_progress(batch: GenerationBatch, *, now: dt.datetime) -> BatchProgress:
    traces = Trace.objects.filter(batch=batch, segmentation=1)
    counted = traces.order_by().aggregate(
        num=Count("pk"),
        tokens=Sum("num_tokens"),
        untold=Count("pk", filter=Q(num_tokens=None)),
        estimated=Count("pk", filter=Q(num_tokens=None) | Q(num_prompt_tokens=None)),
    )
    spending = get_spending(batch)
    failures = count_batch_failures(batch)
    num_done = counted["num"] + failures.num_items
    elapsed = measure_seconds(batch, now=now)
    goes_on = batch.is_open and not batch.is_paused
    eta = elapsed / num_done * (batch.num_expected - num_done) if goes_on and num_done else None
    return BatchProgress(
        num_traces=counted["num"],
        num_expected=batch.num_expected,
        num_tokens=spending.num_tokens if counted["untold"] else counted["tokens"] or 0,
        failures=failures,
        elapsed_seconds=elapsed,
        eta_seconds=eta,
        newest=tuple(traces.select_related("prompt").order_by("-pk")[:_NEWEST]),
        spending=spending,
        has_estimated_tokens=counted["estimated"] > 0,
    )


def measure_seconds(job: ChunkedJob, *, now: dt.datetime) -> float:
    """How long a job has been worked on, pauses left out."""
    if job.started_at is None:
        return 0.0
    until = job.paused_at or job.finished_at or now
    return max(0.0, (until - job.started_at).total_seconds() - job.paused_seconds)
