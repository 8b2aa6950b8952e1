"""The page of lineage: export, run, model, judge, next batch, each with what was measured of it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.views.access import load_project
from exports.lineage_queries import list_lineage
from exports.queries import MAKERS


@login_required
@never_cache
@require_safe
def show_lineage(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    return render(request, "exports/show_lineage.html", {"project": project, "steps": list_lineage(project)})
