"""Traces, for those who run a project: the list, everything said of one, and cutting one anew."""

from __future__ import annotations

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import traces
from annotation.forms.traces import ResegmentForm
from annotation.models import Role, Trace
from annotation.queries import traces as queries
from annotation.tables.traces import build_trace_table
from annotation.views.access import STAFF_ROLES, account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables


@login_required
@never_cache
@require_safe
def list_traces(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, *STAFF_ROLES)
    table = build_trace_table(project)
    return answer_tables(request, "traces/list_traces.html", {"project": project}, table)


@login_required
@never_cache
@require_safe
def show_trace(request: HttpRequest, slug: str, trace_id: int) -> HttpResponse:
    project = load_project(request, slug, *STAFF_ROLES)
    trace = get_object_or_404(Trace.objects.select_related("prompt", "batch"), project=project, pk=trace_id)
    context = {
        "project": project,
        "view": queries.view_trace(trace),
        "trace": trace,
        "sampling": json.dumps(trace.sampling, indent=2, ensure_ascii=False),
        "can_resegment": Role.ADMIN in request.roles and trace.retired_at is None,  # type: ignore[attr-defined]  # load_project
        "resegment_form": ResegmentForm(),
    }
    return render(request, "traces/show_trace.html", context)


@login_required
@require_POST
def resegment_trace(request: HttpRequest, slug: str, trace_id: int) -> HttpResponse:
    """Cuts the trace anew; an unknown segmenter is the form's fault, not the person's."""
    project = load_project(request, slug, Role.ADMIN)
    trace = get_object_or_404(Trace, project=project, pk=trace_id)
    form = ResegmentForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the segmenters on the list.")
        return redirect_htmx(request, "annotation:show_trace", slug, trace.pk)
    try:
        new = traces.resegment_trace(
            trace=trace,
            segmenter=form.cleaned_data["segmenter"],
            actor=account_of(request),
            now=timezone.now(),
        )
    except (traces.SameSteps, traces.TraceRetired) as error:
        messages.info(request, str(error))
        return redirect_htmx(request, "annotation:show_trace", slug, trace.pk)
    messages.success(
        request,
        f"Cut into {new.num_steps} steps as trace {new.pk}. Ratings of trace {trace.pk} stay with it.",
    )
    return redirect_htmx(request, "annotation:show_trace", slug, new.pk)
