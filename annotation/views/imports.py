"""Imports: a source is looked at, its columns get their meaning, and a run stores what its rows say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import imports, jobs
from annotation.forms.imports import HubSourceForm, ImportForm, UploadSourceForm
from annotation.forms.prompts import MakePromptsForm
from annotation.importing.layouts import BadMapping
from annotation.models import ImportRun, ImportSource, JobState, Project, Role
from annotation.queries import imports as queries
from annotation.rules.segmentation import UnknownSegmenter
from annotation.tables.imports import build_import_table, build_known_table, build_refusal_table
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables, find_htmx_part, show_tables

MAKERS = (Role.ENGINEER, Role.ADMIN)
REFUSALS = (
    BadMapping,
    UnknownSegmenter,
    imports.NoRater,
    imports.SourceNotReady,
    imports.UnknownVerifier,
)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload_prompts(request: HttpRequest, slug: str) -> HttpResponse:
    """The ways in; takes a file, which a worker then looks at."""
    project = load_project(request, slug, *MAKERS)
    form = UploadSourceForm(request.POST, request.FILES) if request.method == "POST" else UploadSourceForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        source = imports.add_file_source(
            project=project, file=file, file_name=file.name, actor=account_of(request), now=timezone.now()
        )
        return redirect_htmx(request, "annotation:prepare_import", slug, source.pk)
    return show_ways_in(request, project, upload_form=form)


@login_required
@require_POST
def open_data_set(request: HttpRequest, slug: str) -> HttpResponse:
    """Takes a data set's name, which a worker then looks at."""
    project = load_project(request, slug, *MAKERS)
    form = HubSourceForm(request.POST)
    if form.is_valid():
        source = imports.add_hub_source(
            project=project, actor=account_of(request), now=timezone.now(), **form.cleaned_data
        )
        return redirect_htmx(request, "annotation:prepare_import", slug, source.pk)
    return show_ways_in(request, project, hub_form=form)


def show_ways_in(
    request: HttpRequest,
    project: Project,
    *,
    upload_form: UploadSourceForm | None = None,
    hub_form: HubSourceForm | None = None,
    make_form: MakePromptsForm | None = None,
) -> HttpResponse:
    """The page of all ways to bring prompts, with whichever form was just sent."""
    forms = {
        "upload_form": upload_form or UploadSourceForm(),
        "hub_form": hub_form or HubSourceForm(),
        "make_form": make_form or MakePromptsForm(),
    }
    return render(request, "prompts/add_prompts.html", {"project": project, **forms})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def prepare_import(request: HttpRequest, slug: str, source_id: int) -> HttpResponse:
    """What was found in a source, and the form that says what its columns mean, with what the first rows become."""
    project = load_project(request, slug, *MAKERS)
    source = get_object_or_404(queries.list_import_sources(project), pk=source_id)
    context: dict[str, Any] = {"project": project, "source": source}
    if source.state != JobState.FINISHED:
        return _show_reading(request, context, source)
    is_asked = "layout" in request.GET or request.method == "POST"
    if request.htmx and not is_asked:  # type: ignore[attr-defined]  # django-htmx; the page that waited for the look
        return redirect_htmx(request, "annotation:prepare_import", slug, source.pk)
    form = ImportForm((request.POST or request.GET) if is_asked else None, source=source)
    if request.method == "POST" and form.is_valid():
        try:
            run = imports.start_import(
                source=source, plan=form.plan(), actor=account_of(request), now=timezone.now()
            )
        except REFUSALS as error:
            form.add_error(None, str(error))
        else:
            return redirect_htmx(request, "annotation:show_import", slug, run.pk)
    part = "#import-form" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, "imports/prepare_import.html" + part, {**context, "form": form, **_preview(form)})


def _show_reading(request: HttpRequest, context: dict[str, Any], source: ImportSource) -> HttpResponse:
    """A worker is at it, or could not read it. While it is at it htmx asks every second."""
    part = "#source-state" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, "imports/read_source.html" + part, context)


@login_required
@require_safe
def list_imports(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    return answer_tables(
        request, "imports/list_imports.html", {"project": project}, build_import_table(project)
    )


@login_required
@never_cache
@require_safe
def show_import(request: HttpRequest, slug: str, run_id: int) -> HttpResponseBase:
    """One import: how far it is, then its report. While it is open htmx asks every second."""
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(queries.list_import_runs(project), pk=run_id)
    progress = queries.get_import_progress(run, now=timezone.now())
    context = {"project": project, "run": run, "progress": progress}
    tables = [build_refusal_table(run), build_known_table(run)]
    if request.htmx and find_htmx_part(request, {table.name: table for table in tables}) is None:  # type: ignore[attr-defined]
        context["tables"] = show_tables(
            request, *tables, path=request.path
        )  # the last answer brings the report
        return render(request, "imports/show_import.html#import-progress", context)
    return answer_tables(request, "imports/show_import.html", context, *tables)


@login_required
@require_POST
def cancel_import(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(queries.list_import_runs(project), pk=run_id)
    try:
        imports.cancel_import(run=run, actor=account_of(request), now=timezone.now())
    except jobs.NotOpen as error:
        messages.info(request, str(error))
    return redirect_htmx(request, "annotation:show_import", slug, run.pk)


@login_required
@require_safe
def download_refused(request: HttpRequest, slug: str, run_id: int) -> StreamingHttpResponse:
    """The refused rows as JSON Lines, each with its number and reason; to be mended and brought again."""
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(queries.list_import_runs(project), pk=run_id)
    answer = StreamingHttpResponse(_write_refusals(run), content_type="application/x-ndjson")
    answer["Content-Disposition"] = f'attachment; filename="{project.slug}-import-{run.pk}-refused.jsonl"'
    return answer


def _write_refusals(run: ImportRun) -> Iterator[str]:
    for refusal in queries.list_refusals(run).iterator(chunk_size=500):
        line = {"row": refusal.number, "reason": refusal.reason, "raw": refusal.raw}
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _preview(form: ImportForm) -> dict[str, object]:
    raw = {"raw_rows": queries.show_raw_rows(form.sample, form.source.columns)}
    try:
        rows = queries.preview_rows(form.sample, form.chosen, form.mapping(), form.columns)
    except BadMapping as error:
        return {"preview": [], "preview_fault": str(error), **raw}
    return {"preview": rows, "preview_fault": "", **raw}
