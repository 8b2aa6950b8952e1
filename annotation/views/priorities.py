"""The page on which an admin says which prompts' traces are handed out first, last or not at all."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from annotation.actions.priorities import set_priority
from annotation.forms.priorities import PriorityForm
from annotation.models import Role
from annotation.queries.prompts import count_by_priority
from annotation.views.access import account_of, load_project


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def set_priorities(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug, Role.ADMIN)
    form = PriorityForm(request.POST if request.method == "POST" else None, project=project)
    if request.method == "POST" and form.is_valid():
        priority = form.cleaned_data["priority"]
        num = set_priority(
            project=project,
            prompts=form.list_prompts(),
            priority=priority,
            actor=account_of(request),
            now=timezone.now(),
        )
        messages.success(request, f"Changed {num:,} prompt{'' if num == 1 else 's'} to “{priority.label}”.")
        return redirect("annotation:set_priorities", project.slug)
    context = {"project": project, "form": form, "counts": count_by_priority(project)}
    return render(request, "prompts/set_priorities.html", context, status=422 if form.errors else 200)
