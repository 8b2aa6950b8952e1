"""Projects: the list one starts from, each project's overview, making one and setting its rules."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import projects
from annotation.forms.projects import NewProjectForm, ProjectSettingsForm
from annotation.models import Role
from annotation.queries.access import get_roles
from annotation.queries.crew import get_crew
from annotation.queries.pauses import list_pauses
from annotation.queries.practice import is_qualified
from annotation.queries.progress import get_progress, list_days
from annotation.queries.projects import get_project_counts
from annotation.queries.trace_counts import count_traces
from annotation.tables.progress import build_day_table
from annotation.tables.projects import build_project_table
from annotation.views.access import STAFF_ROLES, account_of, load_project, say_pause
from annotation.views.overview import list_next_steps
from annotation.views.progress import draw_days, draw_progress
from annotation.views.responses import redirect_htmx
from annotation.views.stuck import list_stuck
from annotation.views.tables import answer_tables


@login_required
@require_safe
def list_projects(request: HttpRequest) -> HttpResponseBase:
    account = account_of(request)
    pauses = [say_pause(pause) for pause in list_pauses(account)]
    context = {"pauses": pauses, "can_create": account.is_superuser}
    return answer_tables(request, "projects/list_projects.html", context, build_project_table(account))


@login_required
@never_cache
@require_safe
def show_project(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What there is and what to do next; for those who run the project also how far it has got."""
    project = load_project(request, slug)
    roles = get_roles(account_of(request), project)
    now = timezone.now()
    crew = get_crew(project)
    counted = count_traces(project, now=now, able=crew.able)
    counts = get_project_counts(project, now=now, counts=counted)
    may_rate = Role.RATER not in roles or is_qualified(account_of(request), project)
    context = {"project": project, "counts": counts}
    if not roles & set(STAFF_ROLES):
        context["next_steps"] = list_next_steps(counts, roles, is_qualified=may_rate)
        return render(request, "projects/show_project.html", context)
    progress = get_progress(project, now=now, crew=crew, counts=counted)
    days = list_days(project, now=now)
    num_disagreements = progress.num_disagreements
    context |= {
        "next_steps": list_next_steps(
            counts, roles, is_qualified=may_rate, num_disagreements=num_disagreements
        ),
        "progress": progress,
        "stuck": list_stuck(progress, roles),
        "funnel": draw_progress(progress),
        "days_chart": draw_days(days),
    }
    return answer_tables(request, "projects/show_project.html", context, build_day_table(days))


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
