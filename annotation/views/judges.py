"""Judges of a project: made, made anew in another version, retired. Their runs are in views/judge_runs.py."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import judges, model_specs
from annotation.forms.judges import MakeJudgeForm
from annotation.models import Judge, Project
from annotation.rules.judge_settings import BadOptions
from annotation.views.access import account_of, load_project
from annotation.views.judge_runs import MAKERS
from annotation.views.responses import redirect_htmx


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def make_judge(request: HttpRequest, slug: str) -> HttpResponse:
    """The form; with ?from=ID filled as that judge is, for its next version."""
    project = load_project(request, slug, *MAKERS)
    model_specs.ensure_shipped_model(now=timezone.now())
    source = _find_source(project, request.GET.get("from", ""))
    form = MakeJudgeForm(
        request.POST or None,
        request.FILES or None,
        project=project,
        initial=MakeJudgeForm.initial_of(source) if source else None,
    )
    if form.is_valid():
        try:
            judge = judges.make_judge(
                project=project, new=form.new_judge(), actor=account_of(request), now=timezone.now()
            )
        except judges.WrongModel as error:
            form.add_error("model_spec", str(error))
        except (judges.AlreadyMade, BadOptions) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{judge} is made. Set it to work below.")
            return redirect_htmx(request, "annotation:list_judge_runs", slug)
    context = {"project": project, "form": form, "source": source}
    return render(request, "judges/make_judge.html", context)


@login_required
@require_POST
def retire_judge(request: HttpRequest, slug: str, judge_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    judge = get_object_or_404(Judge, pk=judge_id, project=project)
    judges.retire_judge(judge=judge, actor=account_of(request), now=timezone.now())
    messages.success(request, f"{judge} is retired. Its scores stay.")
    return redirect_htmx(request, "annotation:list_judge_runs", slug)


def _find_source(project: Project, number: str) -> Judge | None:
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    return Judge.objects.filter(project=project, pk=number).first() if is_number else None
