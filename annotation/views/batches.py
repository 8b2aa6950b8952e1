"""Batches: launched with a preview, watched while they run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import batches, model_specs
from annotation.forms.batches import LaunchBatchForm
from annotation.models import Project, Prompt, Role
from annotation.queries import batches as queries
from annotation.queries.prompts import choose_prompt_ids
from annotation.rules.prompt_template import fill_template
from annotation.tables.jobs import build_batch_table
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables

MAKERS = (Role.ENGINEER, Role.ADMIN)


@dataclass(frozen=True)
class LaunchPreview:
    """What a launch would mean. seconds is None where the model has not been measured yet."""

    num_prompts: int
    num_traces: int
    most_tokens: int
    seconds: float | None
    tokens_per_second: float | None
    most_cost: Decimal  # of the completions alone, in US dollars
    filled: str  # what the model is told about the first prompt
    note: str  # what to know of the model


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
        form = LaunchBatchForm(request.GET)
        context = {"project": project, "form": form, "preview": _preview(project, form)}
        return render(request, "batches/launch_batch.html#launch-preview", context)
    form = LaunchBatchForm(request.POST or None)
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
    shown = form if form.is_bound else LaunchBatchForm(_list_initial(form))
    context = {"project": project, "form": form, "preview": _preview(project, shown)}
    return render(request, "batches/launch_batch.html", context)


@login_required
@never_cache
@require_safe
def show_batch(request: HttpRequest, slug: str, batch_id: int) -> HttpResponse:
    """One batch; while it is open htmx asks for its progress every second."""
    project = load_project(request, slug, *MAKERS)
    batch = get_object_or_404(queries.list_batches(project), pk=batch_id)
    progress = queries.get_batch_progress(batch, now=timezone.now())
    template = "batches/show_batch.html" + ("#batch-progress" if request.htmx else "")  # type: ignore[attr-defined]  # django-htmx
    return render(request, template, {"project": project, "batch": batch, "progress": progress})


def _list_initial(form: LaunchBatchForm) -> dict[str, object]:
    initial = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    spec = initial["model_spec"]
    return {**initial, "model_spec": spec.pk if spec else ""}


def _preview(project: Project, form: LaunchBatchForm) -> LaunchPreview | None:
    """None while the fields don't fit together."""
    if not form.is_valid():
        return None
    settings = form.chosen_settings()
    prompt_ids = choose_prompt_ids(project, form.chosen_prompts())
    first = Prompt.objects.filter(pk__in=prompt_ids[:1]).first()
    num_traces = len(prompt_ids) * settings.num_samples
    speed = queries.find_model_speed(settings.model_spec)
    return LaunchPreview(
        num_prompts=len(prompt_ids),
        num_traces=num_traces,
        most_tokens=num_traces * settings.max_new_tokens,
        seconds=queries.estimate_seconds(speed, num_traces=num_traces, max_new_tokens=settings.max_new_tokens)
        if speed
        else None,
        tokens_per_second=speed.tokens_per_second if speed else None,
        most_cost=num_traces
        * settings.max_new_tokens
        * settings.model_spec.price_per_million_tokens
        / 1_000_000,
        filled=fill_template(settings.prompt_template, first.text if first else "…"),
        note=settings.model_spec.note,
    )
