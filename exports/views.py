"""Exports: choose and preview, watch one being written, take its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import jobs
from annotation.actions.merges import NothingToMerge
from annotation.merging.data import MergePolicy
from annotation.models import JobState, MergeRun, Project
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables
from exports import actions, downloads, hub
from exports.candidates import schema_of
from exports.card import READERS, describe_losses, spell_type
from exports.formats.dataset import FormName
from exports.forms import ExportForm
from exports.manifest import FileEntry, Manifest, read_manifest
from exports.models import Export
from exports.policy import CONFIGS, SPLITS
from exports.preview import Preview, preview_export
from exports.queries import MAKERS, find_export_before, list_exports_of
from exports.tables import build_export_table


@dataclass(frozen=True)
class ConfigRow:
    """A config of a finished export: what it is for, its columns with their types, and its counts."""

    name: str
    reader: str
    columns: list[tuple[str, str]]
    splits: list[tuple[str, int]]
    labels: list[tuple[str, int]]


@dataclass(frozen=True)
class FileRow:
    """One line of a finished export's table of files."""

    name: str
    entry: FileEntry


@login_required
@never_cache
@require_safe
def list_exports(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    table = build_export_table(project, list_exports_of(account_of(request)))
    return answer_tables(request, "exports/list_exports.html", {"project": project}, table)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create_export(request: HttpRequest, slug: str) -> HttpResponse:
    """The form with a live preview: GET previews its choices, POST starts the export (or previews, without htmx)."""
    project = load_project(request, slug, *MAKERS)
    refusal = ""
    if request.method == "POST":
        form = ExportForm(project, request.POST, account=account_of(request))
        if not form.is_valid():
            refusal = _name_wrong_fields(form)
        elif "preview" not in request.POST:
            try:
                export = _start(request, project, form)
            except (actions.NoConfigs, actions.MergeUnfit, NothingToMerge) as error:
                refusal = str(error)
            else:
                return redirect_htmx(request, "exports:show_export", slug, export.pk)
    elif "configs" in request.GET or "good_from" in request.GET:
        form = ExportForm(project, request.GET, account=account_of(request))
    else:
        like, merge = _find_model(request, project), request.GET.get("merge", "")
        form = ExportForm(project, account=account_of(request), merge=merge, like=like)
    is_part = bool(request.htmx)  # type: ignore[attr-defined]  # set by django-htmx's middleware
    context = {
        "project": project,
        "form": form,
        "refusal": refusal,
        "preview": _preview(project, form),
        "reasons": _spell_reasons(form) if is_part else [],  # the whole page says them at the form
    }
    return render(request, f"exports/create_export.html{'#preview' if is_part else ''}", context)


@login_required
@never_cache
@require_safe
def show_export(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    """One export: its progress, then its files and what was lost on the way."""
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    others = export.other_runs.select_related("project").order_by("project_id")
    context: dict[str, object] = {"project": project, "export": export, "other_runs": others}
    if export.manifest:
        manifest = read_manifest(export.manifest)
        pushes = list(export.pushes.select_related("created_by"))
        exports = list_exports_of(account_of(request)).filter(project=project)
        context |= {
            "manifest": manifest,
            "files": _sort_files(manifest["files"]),
            "losses": describe_losses(manifest),
            "configs": _describe_configs(export, manifest),
            "folder": actions.folder_of(export),
            "first_config": _sort_files(manifest["files"])[0].entry["config"],
            "address": request.build_absolute_uri(request.path),
            "size": sum(entry["bytes"] for entry in manifest["files"].values()),
            "can_push": settings.HUB_HAS_TOKEN,
            "pushes": pushes,
            "is_pushing": any(push.is_open for push in pushes),
            "export_before": find_export_before(exports, export),
            "is_compared": exports.filter(state=JobState.FINISHED).exclude(pk=export.pk).exists(),
        }
    htmx = request.htmx  # type: ignore[attr-defined]  # set by django-htmx's middleware
    part = "" if not htmx else "#pushes" if htmx.target == "pushes" else "#export"
    return render(request, f"exports/show_export.html{part}", context)


@login_required
@require_POST
def cancel_export(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    try:
        actions.cancel_export(export=export, actor=account_of(request), now=timezone.now())
    except jobs.NotOpen as error:
        messages.info(request, str(error))
    return redirect_htmx(request, "exports:show_export", slug, export.pk)


@login_required
@require_POST
def push_export(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    """Sends a finished export to the Hub; what is wrong comes back as a sentence on the export's page."""
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    try:
        hub.start_push(
            export=export,
            repository=request.POST.get("repository", "").strip(),
            is_private="is_public" not in request.POST,
            actor=account_of(request),
            now=timezone.now(),
        )
    except (hub.NoToken, hub.BadRepository, hub.ExportUnfit) as error:
        messages.error(request, str(error))
    return redirect_htmx(request, "exports:show_export", slug, export.pk)


@login_required
@require_safe
def download_file(request: HttpRequest, slug: str, export_id: int, name: str) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    try:
        return _record(request, export, name, downloads.serve_file(request, export, name))
    except downloads.NoSuchFile as error:
        raise Http404(str(error)) from error


@login_required
@require_safe
def download_archive(request: HttpRequest, slug: str, export_id: int) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    export = _get_export(request, project, export_id)
    try:
        return _record(request, export, "archive.zip", downloads.serve_archive(request, export))
    except downloads.NoSuchFile as error:
        raise Http404(str(error)) from error


def _record(request: HttpRequest, export: Export, name: str, answer: HttpResponseBase) -> HttpResponseBase:
    account, now = account_of(request), timezone.now()
    return downloads.record_download(request, answer, export=export, name=name, actor=account, now=now)


def _get_export(request: HttpRequest, project: Project, export_id: int) -> Export:
    return get_object_or_404(list_exports_of(account_of(request)).filter(project=project), pk=export_id)


def _find_model(request: HttpRequest, project: Project) -> Export | None:
    """The export whose choices the form begins with, where the address names one of the project's."""
    named = request.GET.get("like", "")
    is_number = named.isascii() and named.isdigit() and len(named) <= 18
    return _get_export(request, project, int(named)) if is_number else None


def _start(request: HttpRequest, project: Project, form: ExportForm) -> Export:
    """Starts the export of a valid form. Raises NoConfigs, MergeUnfit, NothingToMerge."""
    return actions.start_export(
        project=project,
        merge=form.merge_chosen(),
        configs=form.cleaned_data["configs"],
        form=cast(FormName, form.cleaned_data["form"]),
        policy=form.policy(),
        actor=account_of(request),
        now=timezone.now(),
        file_format=form.cleaned_data["file_format"],
        other_projects=form.others_chosen(),
    )


def _name_wrong_fields(form: ExportForm) -> str:
    """Where on a long form to look for what is wrong; empty where that is said above it anyway."""
    names = [str(field.label) for field in form.visible_fields() if field.errors]
    return f"Look again at: {', '.join(names)}." if names else ""


def _spell_reasons(form: ExportForm) -> list[str]:
    """Each choice that is wrong, and why."""
    of_fields = [f"{field.label}: {error}" for field in form.visible_fields() for error in field.errors]
    return [*map(str, form.non_field_errors()), *of_fields]


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
        form.others_chosen(),
        merge_policy=merge if isinstance(merge, MergePolicy) else None,
    )


def _describe_configs(export: Export, manifest: Manifest) -> list[ConfigRow]:
    counts = manifest["counts"]["configs"]
    return [
        ConfigRow(
            name=config,
            reader=READERS[config],
            columns=[(field.name, spell_type(field.type)) for field in schema_of(config, _form_of(export))],  # type: ignore[attr-defined]
            splits=[(split, counts[config]["rows"].get(split, 0)) for split in SPLITS],
            labels=sorted(counts[config]["labels"].items(), reverse=True),
        )
        for config in CONFIGS
        if config in counts and counts[config]["rows"]
    ]


def _form_of(export: Export) -> FormName:
    return "conversational" if export.form == "conversational" else "standard"


def _sort_files(files: dict[str, FileEntry]) -> list[FileRow]:
    splits = ("train", "validation", "test")
    rows = [FileRow(name, entry) for name, entry in files.items()]
    return sorted(
        rows, key=lambda row: (CONFIGS.index(row.entry["config"]), splits.index(row.entry["split"]))
    )
