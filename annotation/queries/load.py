"""How the work goes at this moment, over all projects: what waits, what is held, how fast it goes, what failed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Count, QuerySet, Sum

from annotation.models import Assignment, AssignmentState, JobState, Rating
from annotation.models.job import OPEN_STATES, Job, ModelJob

_RATES_OVER = dt.timedelta(minutes=5)
_FAILURES_OVER = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Load:
    """`open_jobs` by (kind, state), `failed_jobs` of the last hour by kind; a kind is a model's name."""

    open_jobs: Mapping[tuple[str, str], int]
    failed_jobs: Mapping[str, int]
    num_leases: int
    ratings_per_second: float
    tokens_per_second: float
    num_waiting_deliveries: int


def list_job_models() -> list[type[Job]]:
    return [model for model in apps.get_models() if issubclass(model, Job)]


def get_load(*, now: dt.datetime) -> Load:
    """Each figure by an index, or over few rows: it is asked every few seconds."""
    open_jobs: dict[tuple[str, str], int] = {}
    failed_jobs: dict[str, int] = {}
    num_tokens = 0
    for model in list_job_models():
        kind, rows = str(model._meta.model_name), model._default_manager.all()
        counted = dict(
            rows.filter(state__in=OPEN_STATES).order_by().values_list("state").annotate(Count("pk"))
        )
        open_jobs |= {(kind, state): counted.get(state, 0) for state in OPEN_STATES}
        failed_jobs[kind] = rows.filter(state=JobState.FAILED, finished_at__gt=now - _FAILURES_OVER).count()
        if issubclass(model, ModelJob):
            done = rows.filter(finished_at__gt=now - _RATES_OVER)
            num_tokens += done.aggregate(num=Sum("num_tokens"))["num"] or 0
    num_ratings = Rating.objects.filter(submitted_at__gt=now - _RATES_OVER).count()
    held = Assignment.objects.filter(state=AssignmentState.LEASED, expires_at__gt=now)
    seconds = _RATES_OVER.total_seconds()
    return Load(
        open_jobs=open_jobs,
        failed_jobs=failed_jobs,
        num_leases=held.count(),
        ratings_per_second=num_ratings / seconds,
        tokens_per_second=num_tokens / seconds,
        num_waiting_deliveries=_list_waiting_deliveries().count(),
    )


def _list_waiting_deliveries() -> QuerySet[Any]:
    """Of the exports' webhooks; by name, since exports stand on this app."""
    return apps.get_model("exports", "WebhookDelivery")._default_manager.filter(state="waiting")
