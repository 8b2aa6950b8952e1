"""The audit log: of a project for its admins, of the site for site admins."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.models import Role
from annotation.tables.audit import build_event_table
from annotation.views.access import account_of, load_project
from annotation.views.tables import answer_tables


@login_required
@never_cache
@require_safe
def list_events(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, Role.ADMIN)
    table = build_event_table(project=project, now=timezone.now())
    return answer_tables(request, "audit/list_events.html", {"project": project}, table)


@login_required
@never_cache
@require_safe
def list_all_events(request: HttpRequest) -> HttpResponseBase:
    """Also what belongs to no project: signing in, accounts, models."""
    if not account_of(request).is_superuser:
        raise PermissionDenied("The audit log of the whole site is for site admins.")
    return answer_tables(request, "audit/list_events.html", {}, build_event_table(now=timezone.now()))
