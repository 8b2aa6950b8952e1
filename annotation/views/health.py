"""Is the product up? Asked by the supervisor and by load balancers."""

from __future__ import annotations

from celery import current_app
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError


@never_cache
@require_safe
def check_health(request: HttpRequest) -> HttpResponse:
    """200 "ok" where the database answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("the database does not answer", status=503, content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def check_readiness(request: HttpRequest) -> HttpResponse:
    """Whether requests may be sent here: 200 where the database answers and has this code's tables, else 503.

    The broker is told of and decides nothing: without it pages work, and jobs wait for it.
    """
    told = {"database": False, "migrations": False, "broker": _broker_answers()}
    try:
        executor = MigrationExecutor(connection)
        told["database"] = True
        told["migrations"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        pass
    return JsonResponse(told, status=200 if told["database"] and told["migrations"] else 503)


def _broker_answers() -> bool:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OSError, OperationalError):
        return False
    return True
