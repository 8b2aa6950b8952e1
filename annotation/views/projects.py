"""Projects: the list one starts from, and each project's overview."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation.queries.access import list_projects_of
from annotation.queries.projects import get_project_counts
from annotation.views.access import account_of, load_project


@login_required
@require_safe
def list_projects(request: HttpRequest) -> HttpResponse:
    projects = list_projects_of(account_of(request))
    return render(request, "projects/list_projects.html", {"projects": projects})


@login_required
@require_safe
def show_project(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug)
    return render(
        request, "projects/show_project.html", {"project": project, "counts": get_project_counts(project)}
    )
