"""Judges: what they are, their runs, launched, watched and cancelled."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import jobs, judge_runs
from annotation.forms.judge_runs import LaunchJudgeRunForm
from annotation.models import Role
from annotation.queries import judge_runs as queries
from annotation.queries.waiting import explain_wait
from annotation.tables.failures import build_judge_failure_table
from annotation.tables.jobs import build_judge_run_table
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_progress, answer_tables

MAKERS = (Role.ENGINEER, Role.ADMIN)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def list_judge_runs(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The judges, the form that sets one to work, and the runs so far."""
    project = load_project(request, slug, *MAKERS)
    judges = [
        *judge_runs.ensure_builtin_judges(now=timezone.now()),
        *queries.list_own_judges(project),
    ]
    form = LaunchJudgeRunForm(
        request.POST or None, project=project, judges=judges, initial={"batch": request.GET.get("batch")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            run = judge_runs.launch_judge_run(
                project=project,
                judge=form.cleaned_data["judge"],
                batch=form.cleaned_data["batch"],
                actor=account_of(request),
                now=timezone.now(),
            )
        except judge_runs.RunAlreadyOpen as error:
            messages.info(request, str(error))
            return redirect_htmx(request, "annotation:show_judge_run", slug, error.run.pk)
        except judge_runs.NothingToJudge as error:
            form.add_error(None, str(error))
        else:
            return redirect_htmx(request, "annotation:show_judge_run", slug, run.pk)
    counts = [(judge, queries.count_judged(project, judge)) for judge in judges]
    context = {"project": project, "form": form, "judges": counts}
    return answer_tables(request, "judge_runs/list_judge_runs.html", context, build_judge_run_table(project))


@login_required
@never_cache
@require_safe
def show_judge_run(request: HttpRequest, slug: str, run_id: int) -> HttpResponseBase:
    """One run; while it is open htmx asks for its progress every second, and the last answer brings what failed."""
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(queries.list_judge_runs(project), pk=run_id)
    now = timezone.now()
    spec = run.judge.model_spec
    context = {
        "project": project,
        "run": run,
        "progress": queries.get_run_progress(run, now=now),
        "wait": explain_wait(run, is_on_server=spec is not None and spec.is_server, now=now),
    }
    return answer_progress(
        request,
        "judge_runs/show_judge_run.html#run-progress",
        context,
        build_judge_failure_table(run),
        is_open=run.is_open,
    )


@login_required
@require_POST
def cancel_judge_run(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    run = get_object_or_404(queries.list_judge_runs(project), pk=run_id)
    try:
        judge_runs.cancel_judge_run(run=run, actor=account_of(request), now=timezone.now())
    except jobs.NotOpen as error:
        messages.info(request, str(error))
    return redirect_htmx(request, "annotation:show_judge_run", slug, run.pk)
