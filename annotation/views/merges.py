"""Merges: start one, watch it, read what it found."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import jobs, merges
from annotation.charts.axes import Axis
from annotation.charts.bars import Bar, draw_bars
from annotation.charts.drawing import Chart
from annotation.forms.merges import MergeForm
from annotation.models import Role
from annotation.queries import explanations
from annotation.queries.merges import PosteriorBin, list_merge_runs, summarise_merge
from annotation.tables.jobs import build_merge_table
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables

MAKERS = (Role.ENGINEER, Role.ADMIN)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def list_merges(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The project's merge runs, and the form that starts one."""
    project = load_project(request, slug, *MAKERS)
    form = MergeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = merges.start_merge(
                project=project, policy=form.policy_chosen(), actor=account_of(request), now=timezone.now()
            )
        except merges.MergeAlreadyOpen as error:
            messages.info(request, str(error))
            return redirect_htmx(request, "annotation:show_merge", slug, error.run.pk)
        except merges.NothingToMerge as error:
            form.add_error(None, str(error))
        else:
            return redirect_htmx(request, "annotation:show_merge", slug, run.pk)
    context = {"project": project, "form": form}
    return answer_tables(request, "merges/list_merges.html", context, build_merge_table(project))


@login_required
@never_cache
@require_safe
def show_merge(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    """One merge run: its progress, then what it found."""
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(list_merge_runs(project), pk=run_id)
    summary = summarise_merge(run) if run.state == "finished" else None
    context = {
        "project": project,
        "run": run,
        "summary": summary,
        "chart": _draw_posteriors(summary.bins) if summary else None,
        "undecided": explanations.list_undecided(run) if summary else [],
    }
    template = "merges/show_merge.html"
    if request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        template += "#merge-run"
    return render(request, template, context)


@login_required
@never_cache
@require_safe
def explain_trace(request: HttpRequest, slug: str, run_id: int, trace_id: int) -> HttpResponse:
    """One trace's posterior in a finished merge, step by step: who moved it, by how much."""
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(list_merge_runs(project), pk=run_id, state="finished")
    merged = get_object_or_404(explanations.list_merged_traces(run), trace=trace_id)
    explained = explanations.explain_trace(run, merged)
    context = {"project": project, "run": run, "merged": merged, "explained": explained}
    return render(request, "merges/explain_trace.html", context)


@login_required
@require_POST
def cancel_merge(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(list_merge_runs(project), pk=run_id)
    try:
        merges.cancel_merge(run=run, actor=account_of(request), now=timezone.now())
    except jobs.NotOpen as error:
        messages.info(request, str(error))
    return redirect_htmx(request, "annotation:show_merge", slug, run.pk)


def _draw_posteriors(bins: tuple[PosteriorBin, ...]) -> Chart:
    """How many steps lie where, in the colours of what the usual thresholds make of them."""
    bars = []
    for bin in bins:
        kind = 0 if bin.high <= 0.2 else 2 if bin.low >= 0.8 else 1
        parts = tuple(float(bin.num_steps if part == kind else 0) for part in range(3))
        bars.append(Bar(f"{bin.low:.2f}", parts))
    return draw_bars(
        bars,
        key="posteriors",
        title="Steps by posterior",
        description="How many steps have which posterior, from 0 (surely does not stand) to 1 (surely stands).",
        x_label="Posterior, from",
        y=Axis("Steps", kind="count"),
        part_names=("does not stand", "undecided", "stands"),
        part_classes=("bad", "neutral", "good"),
    )
