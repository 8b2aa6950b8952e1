"""Batches: launched with a preview, watched while they run."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import batches, model_specs
from annotation.forms.batches import LaunchBatchForm
from annotation.models import DryRun, Project, Prompt, Role
from annotation.queries import batches as queries
from annotation.queries.prompts import choose_prompt_ids
from annotation.queries.waiting import explain_wait
from annotation.tables.failures import build_batch_failure_table
from annotation.tables.jobs import build_batch_table
from annotation.views.access import account_of, load_project
from annotation.views.launch_preview import build_preview, read_dry_run
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_progress, answer_tables

MAKERS = (Role.ENGINEER, Role.ADMIN)


@login_required
@never_cache
@require_safe
def list_batches(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    num_prompts = Prompt.objects.filter(project=project).count()
    context = {"project": project, "num_prompts": num_prompts}
    return answer_tables(request, "batches/list_batches.html", context, build_batch_table(project))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def launch_batch(request: HttpRequest, slug: str) -> HttpResponse:
    """The form; asked by htmx with the fields as they stand, only the preview of what they mean."""
    project = load_project(request, slug, *MAKERS)
    model_specs.ensure_shipped_model(now=timezone.now())
    if request.htmx and request.method == "GET":  # type: ignore[attr-defined]  # set by django-htmx's middleware
        form = LaunchBatchForm(request.GET, project=project)
        context = {"project": project, "form": form, "preview": build_preview(project, form)}
        return render(request, "batches/launch_batch.html#launch-preview", context)
    form = LaunchBatchForm(request.POST or None, project=project, initial=_read_initial(request))
    if request.method == "POST" and form.is_valid():
        try:
            batch = batches.launch_batch(
                project=project,
                settings=form.chosen_settings(),
                prompt_ids=choose_prompt_ids(project, form.chosen_prompts()),
                actor=account_of(request),
                now=timezone.now(),
            )
        except (batches.NothingToGenerate, batches.TooManyTraces) as error:
            form.add_error(None, str(error))
        else:
            return redirect_htmx(request, "annotation:show_batch", slug, batch.pk)
    dry_run = _find_dry_run(request, project)
    if dry_run is not None and not form.is_bound:
        form = LaunchBatchForm(
            dry_run.form_fields, project=project
        )  # as it stood when the dry run was started
    shown = form if form.is_bound else LaunchBatchForm(_list_initial(form), project=project)
    context = {"project": project, "form": form, "preview": build_preview(project, shown)}
    context["dry_run"] = dry_run and read_dry_run(dry_run, now=timezone.now())
    return render(request, "batches/launch_batch.html", context)


@login_required
@never_cache
@require_safe
def show_batch(request: HttpRequest, slug: str, batch_id: int) -> HttpResponseBase:
    """One batch; while it is open htmx asks for its progress every second, and the last answer brings what failed."""
    project = load_project(request, slug, *MAKERS)
    batch = get_object_or_404(queries.list_batches(project), pk=batch_id)
    now = timezone.now()
    context = {
        "project": project,
        "batch": batch,
        "progress": queries.get_batch_progress(batch, now=now),
        "wait": explain_wait(batch, is_on_server=batch.model_spec.is_server, now=now),
    }
    return answer_progress(
        request,
        "batches/show_batch.html#batch-progress",
        context,
        build_batch_failure_table(batch),
        is_open=batch.is_open,
    )


def _read_initial(request: HttpRequest) -> dict[str, str]:
    """What the address asks for."""
    return {"pool": request.GET["pool"]} if "pool" in request.GET else {}


def _list_initial(form: LaunchBatchForm) -> dict[str, object]:
    initial = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    spec = initial["model_spec"]
    return {**initial, "model_spec": spec.pk if spec else ""}


def _find_dry_run(request: HttpRequest, project: Project) -> DryRun | None:
    """The one that the address names, if it is the project's."""
    named = request.GET.get("dry_run", "")
    if not named.isascii() or not named.isdigit() or len(named) > 18:
        return None
    return cast("DryRun | None", DryRun.objects.filter(project=project, pk=int(named)).first())
