"""A dry run on the launch page: one prompt with the settings as they stand, its answer shown beside the form."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import batches, dry_runs
from annotation.forms.batches import LaunchBatchForm
from annotation.models import DryRun, JobState, Project
from annotation.queries.prompts import choose_prompt_ids
from annotation.views.access import account_of, load_project
from annotation.views.batches import MAKERS
from annotation.views.launch_preview import build_preview, read_dry_run

_PART = "batches/launch_batch.html#dry-run"


@login_required
@require_POST
def start_dry_run(request: HttpRequest, slug: str) -> HttpResponse:
    """Asked by htmx it answers with the box alone, in which wrong fields are named too; else with the launch page."""
    project = load_project(request, slug, *MAKERS)
    form = LaunchBatchForm(request.POST, project=project)
    dry_run = _launch(request, project, form)
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        shown = {"dry_run": read_dry_run(dry_run, now=timezone.now())} if dry_run else {"refused": form}
        return render(request, _PART, {"project": project, **shown})
    if dry_run is None:
        context = {"project": project, "form": form, "preview": build_preview(project, form)}
        return render(request, "batches/launch_batch.html", context)
    return redirect(_address(project, dry_run))


@login_required
@never_cache
@require_safe
def show_dry_run(request: HttpRequest, slug: str, dry_run_id: int) -> HttpResponse:
    """The box on the launch page, which htmx asks for every second while the model works; else that page."""
    project = load_project(request, slug, *MAKERS)
    dry_run = get_object_or_404(DryRun, project=project, pk=dry_run_id)
    if not request.htmx:  # type: ignore[attr-defined]  # django-htmx
        return redirect(_address(project, dry_run))
    shown = read_dry_run(dry_run, now=timezone.now())
    response = render(request, _PART, {"project": project, "dry_run": shown})
    if dry_run.state == JobState.FINISHED:
        response["HX-Trigger"] = "dry-run-measured"  # the estimate beside the form rests on it
    return response


def _launch(request: HttpRequest, project: Project, form: LaunchBatchForm) -> DryRun | None:
    """None where the form can't be launched either; it says why."""
    if not form.is_valid():
        return None
    chosen = choose_prompt_ids(project, form.chosen_prompts())
    try:
        return dry_runs.launch_dry_run(
            project=project,
            settings=form.chosen_settings(),
            prompt_id=chosen[0] if chosen else None,
            form_fields={name: request.POST.get(name, "") for name in form.fields},
            actor=account_of(request),
            now=timezone.now(),
        )
    except batches.NothingToGenerate as error:
        form.add_error(None, str(error))
        return None


def _address(project: Project, dry_run: DryRun) -> str:
    launch = reverse("annotation:launch_batch", args=[project.slug])
    return f"{launch}?{urlencode({'dry_run': dry_run.pk})}"
