"""Projects: the list one starts from, each project's overview, making one and setting its rules."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import projects
from annotation.forms.projects import NewProjectForm, ProjectSettingsForm
from annotation.models import Role
from annotation.queries.access import get_roles, list_projects_of
from annotation.queries.projects import get_project_counts
from annotation.views.access import account_of, load_project
from annotation.views.overview import list_next_steps
from annotation.views.responses import redirect_htmx


@login_required
@require_safe
def list_projects(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    context = {"projects": list_projects_of(account), "can_create": account.is_superuser}
    return render(request, "projects/list_projects.html", context)


@login_required
@require_safe
def show_project(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug)
    counts = get_project_counts(project)
    context = {
        "project": project,
        "counts": counts,
        "next_steps": list_next_steps(counts, get_roles(account_of(request), project)),
    }
    return render(request, "projects/show_project.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def create_project(request: HttpRequest) -> HttpResponse:
    """For site admins: a name, an address, a sentence; the settings come next."""
    account = account_of(request)
    if not account.is_superuser:
        raise PermissionDenied("Only site admins make projects. Ask whoever runs this server.")
    form = NewProjectForm(request.POST or None)
    if form.is_valid():
        try:
            project = projects.create_project(
                slug=form.cleaned_data["slug"],
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                actor=account,
                now=timezone.now(),
            )
        except projects.SlugTaken as error:
            form.add_error("slug", str(error))
        else:
            return redirect_htmx(request, "annotation:edit_project", project.slug)
    return render(request, "projects/create_project.html", {"form": form})


@login_required
@require_http_methods(["GET", "POST"])
def edit_project(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug, Role.ADMIN)
    form = ProjectSettingsForm(request.POST or None, initial=ProjectSettingsForm.initial_of(project))
    if form.is_valid():
        projects.update_project(
            project=project, settings=form.settings(), actor=account_of(request), now=timezone.now()
        )
        messages.success(request, "The settings are saved.")
        return redirect_htmx(request, "annotation:edit_project", project.slug)
    return render(request, "projects/edit_project.html", {"project": project, "form": form})


@login_required
@require_POST
def archive_project(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug, Role.ADMIN)
    projects.archive_project(project=project, actor=account_of(request), now=timezone.now())
    messages.success(request, f"{project.name} is archived. A site admin can restore it.")
    return redirect_htmx(request, "annotation:list_projects")
