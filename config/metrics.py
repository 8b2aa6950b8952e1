"""Figures for Prometheus: requests, as the web processes count them, and how the work goes, asked of the database.

`/metrics` answers whoever brings GRADUS_METRICS_TOKEN, and is not there for others: figures say what a team does.
Several web processes count into files of PROMETHEUS_MULTIPROC_DIR, which each start of the web server empties.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from annotation.queries.load import get_load

_REQUESTS = Counter("gradus_requests", "Requests answered.", ["view", "method", "status"])
_SECONDS = Histogram(
    "gradus_request_seconds",
    "How long an answer took, streaming not included.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4),
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class CountRequestsMiddleware:
    """Counts by the name of the view, of which there are few; an address can be anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        answer = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else "none"
        method = request.method if request.method in _METHODS else "other"
        _REQUESTS.labels(view, method, str(answer.status_code)).inc()
        _SECONDS.labels(view).observe(time.perf_counter() - begun)
        return answer


class LoadCollector(Collector):
    """Asks the database at each scrape: whatever process did the work, the rows are the truth."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        load = get_load(now=timezone.now())
        jobs = GaugeMetricFamily("gradus_jobs", "Jobs that wait or run.", labels=["kind", "state"])
        for (kind, state), number in load.open_jobs.items():
            jobs.add_metric([kind, state], number)
        failed = GaugeMetricFamily("gradus_jobs_failed_last_hour", "Jobs that failed.", labels=["kind"])
        for kind, number in load.failed_jobs.items():
            failed.add_metric([kind], number)
        yield jobs
        yield failed
        for name, words, value in (
            ("gradus_leases", "Traces that raters hold.", load.num_leases),
            (
                "gradus_ratings_per_second",
                "Ratings submitted, over the last 5 minutes.",
                load.ratings_per_second,
            ),
            (
                "gradus_tokens_per_second",
                "Tokens models wrote, over the last 5 minutes.",
                load.tokens_per_second,
            ),
            (
                "gradus_webhooks_waiting",
                "Messages to webhooks not delivered yet.",
                load.num_waiting_deliveries,
            ),
        ):
            yield GaugeMetricFamily(name, words, value=value)


@never_cache
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    said = request.headers.get("Authorization", "")
    if not settings.METRICS_TOKEN or not secrets.compare_digest(said.encode(), wanted.encode()):
        raise Http404
    registry = CollectorRegistry()
    registry.register(LoadCollector())
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        text = generate_latest(registry)
    else:
        text = generate_latest(registry) + generate_latest(REGISTRY)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
