"""Prompts: the list, one prompt with its traces, and the two ways in."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import procedural, prompt_lines
from annotation.actions.prompts import AddedPrompts
from annotation.forms.prompts import MakePromptsForm, UploadPromptsForm
from annotation.models import Prompt, Role
from annotation.queries import prompts as queries
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx

MAKERS = (Role.ENGINEER, Role.ADMIN)
_PROMPTS_A_PAGE = 50
_TRACES_A_PAGE = 50


@login_required
@require_safe
def list_prompts(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's prompts, with a search; htmx swaps the table alone."""
    project = load_project(request, slug, *MAKERS)
    search = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    found = queries.list_prompts(project, search=search)
    page = Paginator(found, _PROMPTS_A_PAGE).get_page(request.GET.get("page"))
    parameters = urlencode({"q": search}) if search else ""
    template = "prompts/list_prompts.html" + ("#prompts" if request.htmx else "")  # type: ignore[attr-defined]  # django-htmx
    return render(
        request, template, {"project": project, "page": page, "search": search, "parameters": parameters}
    )


@login_required
@require_safe
def show_prompt(request: HttpRequest, slug: str, prompt_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    prompt = get_object_or_404(Prompt, project=project, pk=prompt_id)
    page = Paginator(queries.list_prompt_traces(prompt), _TRACES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "prompts/show_prompt.html", {"project": project, "prompt": prompt, "page": page})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload_prompts(request: HttpRequest, slug: str) -> HttpResponse:
    """Takes a JSONL file, all of it or nothing."""
    project = load_project(request, slug, *MAKERS)
    form = UploadPromptsForm(request.POST, request.FILES) if request.method == "POST" else UploadPromptsForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            added = prompt_lines.add_prompts_from_jsonl(
                project=project,
                lines=file,
                file_name=file.name,
                actor=account_of(request),
                now=timezone.now(),
            )
        except (prompt_lines.BadLine, prompt_lines.NoPrompts) as error:
            form.add_error("file", f"{error} Nothing was stored.")
        else:
            return _say_what_was_added(request, slug, added)
    context = {"project": project, "upload_form": form, "make_form": MakePromptsForm()}
    return render(request, "prompts/add_prompts.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def make_prompts(request: HttpRequest, slug: str) -> HttpResponse:
    """Makes problems with reasoning-gym."""
    project = load_project(request, slug, *MAKERS)
    form = MakePromptsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = procedural.add_procedural_prompts(
                project=project,
                data_set=form.chosen_data_set(),
                count=form.cleaned_data["count"],
                seed=form.cleaned_data["seed"],
                actor=account_of(request),
                now=timezone.now(),
            )
        except procedural.CannotMakeProblems as error:
            form.add_error(None, str(error))
        else:
            return _say_what_was_added(request, slug, added)
    context = {"project": project, "upload_form": UploadPromptsForm(), "make_form": form}
    return render(request, "prompts/add_prompts.html", context)


def _say_what_was_added(request: HttpRequest, slug: str, added: AddedPrompts) -> HttpResponse:
    stored = f"{added.num_stored:,} prompt{'' if added.num_stored == 1 else 's'} stored."
    known = f" {added.num_duplicates:,} were there already." if added.num_duplicates else ""
    messages.success(request, stored + known)
    return redirect_htmx(request, "annotation:list_prompts", slug)
