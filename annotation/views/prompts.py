"""Prompts: the list, one prompt with its traces, and those that reasoning-gym makes."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import procedural
from annotation.actions.prompts import AddedPrompts
from annotation.actions.verdicts import find_unit_tests
from annotation.forms.prompts import MakePromptsForm
from annotation.models import Prompt, Role
from annotation.tables.prompts import build_prompt_table
from annotation.tables.traces import build_prompt_trace_table
from annotation.views.access import account_of, load_project
from annotation.views.imports import show_ways_in
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables

MAKERS = (Role.ENGINEER, Role.ADMIN)


@login_required
@require_safe
def list_prompts(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    table = build_prompt_table(project)
    return answer_tables(request, "prompts/list_prompts.html", {"project": project}, table)


@login_required
@require_safe
def show_prompt(request: HttpRequest, slug: str, prompt_id: int) -> HttpResponseBase:
    project = load_project(request, slug, *MAKERS)
    prompt = get_object_or_404(Prompt, project=project, pk=prompt_id)
    context = {
        "project": project,
        "prompt": prompt,
        "unit_tests": find_unit_tests(prompt.ground_truth) if prompt.verifier == "code" else "",
        "source": [(name.replace("_", " "), value) for name, value in prompt.source.items()],
    }
    table = build_prompt_trace_table(prompt)
    return answer_tables(request, "prompts/show_prompt.html", context, table)


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
    return show_ways_in(request, project, make_form=form)


def _say_what_was_added(request: HttpRequest, slug: str, added: AddedPrompts) -> HttpResponse:
    stored = f"{added.num_stored:,} prompt{'' if added.num_stored == 1 else 's'} stored."
    were = "was" if added.num_duplicates == 1 else "were"
    known = f" {added.num_duplicates:,} {were} there already." if added.num_duplicates else ""
    messages.success(request, stored + known)
    return redirect_htmx(request, "annotation:list_prompts", slug)
