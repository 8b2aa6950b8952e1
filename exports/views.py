"""Exports: choose and preview, watch one being written, take its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions.merges import NothingToMerge
from annotation.models import MergeRun, Project
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from exports import actions, downloads
from exports.card import describe_losses
from exports.formats.dataset import FormName
from exports.forms import ExportForm
from exports.manifest import FileEntry, read_manifest
from exports.models import Export
from exports.policy import CONFIGS
from exports.preview import Preview, preview_export
from exports.queries import MAKERS, list_exports_of

_EXPORTS_A_PAGE = 25


@dataclass(frozen=True)
class FileRow:
    """One line of a finished export's table of files."""

    name: str
    entry: FileEntry


@login_required
@never_cache
@require_safe
def list_exports(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    exports = list_exports_of(account_of(request)).filter(project=project)
    page = Paginator(exports, _EXPORTS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "exports/list_exports.html", {"project": project, "page": page})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create_export(request: HttpRequest, slug: str) -> HttpResponse:
    """The form with a live preview: GET previews its choices, POST starts the export (or previews, without htmx)."""
    project = load_project(request, slug, *MAKERS)
    if request.method == "POST":
        form = ExportForm(project, request.POST)
        export = None if "preview" in request.POST else _start(request, project, form)
        if export is not None:
            return redirect_htmx(request, "exports:show_export", slug, export.pk)
    elif "configs" in request.GET or "good_from" in request.GET:
        form = ExportForm(project, request.GET)
    else:
        form = ExportForm(project, merge=request.GET.get("merge", ""))
    context = {"project": project, "form": form, "preview": _preview(project, form)}
    part = "#preview" if request.htmx else ""  # type: ignore[attr-defined]  # set by django-htmx's middleware
    return render(request, f"exports/create_export.html{part}", context)


@login_required
@never_cache
@require_safe
def show_export(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    """One export: its progress, then its files and what was lost on the way."""
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    context: dict[str, object] = {"project": project, "export": export}
    if export.manifest:
        manifest = read_manifest(export.manifest)
        context |= {
            "manifest": manifest,
            "files": _sort_files(manifest["files"]),
            "losses": describe_losses(manifest),
            "folder": actions.folder_of(export),
            "first_config": _sort_files(manifest["files"])[0].entry["config"],
        }
    part = "#export" if request.htmx else ""  # type: ignore[attr-defined]
    return render(request, f"exports/show_export.html{part}", context)


@login_required
@require_POST
def cancel_export(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    try:
        actions.cancel_export(export=export, actor=account_of(request), now=timezone.now())
    except actions.ExportNotOpen as error:
        messages.info(request, str(error))
    return redirect_htmx(request, "exports:show_export", slug, export.pk)


@login_required
@require_safe
def download_file(request: HttpRequest, slug: str, export_id: int, name: str) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    try:
        return downloads.serve_file(request, _get_export(request, project, export_id), name)
    except downloads.NoSuchFile as error:
        raise Http404(str(error)) from error


@login_required
@require_safe
def download_archive(request: HttpRequest, slug: str, export_id: int) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    try:
        return downloads.serve_archive(_get_export(request, project, export_id))
    except downloads.NoSuchFile as error:
        raise Http404(str(error)) from error


def _get_export(request: HttpRequest, project: Project, export_id: int) -> Export:
    return get_object_or_404(list_exports_of(account_of(request)).filter(project=project), pk=export_id)


def _start(request: HttpRequest, project: Project, form: ExportForm) -> Export | None:
    """Starts the export of a valid form; else leaves the reason in the form."""
    if not form.is_valid():
        return None
    try:
        return actions.start_export(
            project=project,
            merge=form.merge_chosen(),
            configs=form.cleaned_data["configs"],
            form=cast(FormName, form.cleaned_data["form"]),
            policy=form.policy(),
            actor=account_of(request),
            now=timezone.now(),
        )
    except (actions.NoConfigs, actions.MergeUnfit, NothingToMerge) as error:
        form.add_error(None, str(error))
        return None


def _preview(project: Project, form: ExportForm) -> Preview | None:
    """What the form's choices would give; None where they are wrong."""
    if not form.is_valid():
        return None
    merge = form.merge_chosen()
    return preview_export(
        project,
        merge if isinstance(merge, MergeRun) else None,
        form.policy(),
        form.cleaned_data["configs"],
        cast(FormName, form.cleaned_data["form"]),
    )


def _sort_files(files: dict[str, FileEntry]) -> list[FileRow]:
    splits = ("train", "validation", "test")
    rows = [FileRow(name, entry) for name, entry in files.items()]
    return sorted(
        rows, key=lambda row: (CONFIGS.index(row.entry["config"]), splits.index(row.entry["split"]))
    )
