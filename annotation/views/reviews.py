"""Review: the queue of disagreements, deciding a trace step by step, answering appeals."""

from __future__ import annotations

from http import HTTPStatus
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import appeals, decisions
from annotation.actions.disagreements import NothingToReview, hold_next
from annotation.forms.decisions import AnswerForm, DecisionForm
from annotation.models import Account, Appeal, AppealState, Disagreement, Project, Role, Trace
from annotation.queries.disagreements import count_open_disagreements, list_appeals
from annotation.queries.reviews import Dispute, view_dispute
from annotation.rules.rating import InvalidLabels
from annotation.tables.reviews import build_appeal_table, build_decision_table, build_disagreement_table
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables

REVIEWERS = (Role.ADJUDICATOR, Role.ADMIN)
# What stops a decision from being stored; each says why in words for the adjudicator.
REFUSALS = (
    InvalidLabels,
    decisions.BadProblemIsNoGold,
    decisions.NotOfThisTrace,
    decisions.NoteMissing,
    decisions.TraceRetired,
)


@login_required
@never_cache
@require_safe
def list_disagreements(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, *REVIEWERS)
    tables = (build_disagreement_table(project), build_appeal_table(project), build_decision_table(project))
    context = {
        "project": project,
        "num_open": count_open_disagreements(project),
        "has_appeals": list_appeals(project).exists(),
    }
    return answer_tables(request, "reviews/list_disagreements.html", context, *tables)


@login_required
@never_cache
@require_safe
def next_disagreement(request: HttpRequest, slug: str) -> HttpResponse:
    """Holds the most informative disagreement for this adjudicator and goes there; asking again gives the same one."""
    project = load_project(request, slug, *REVIEWERS)
    after = request.GET.get("after", "")
    try:
        row = hold_next(
            project=project,
            adjudicator=account_of(request),
            now=timezone.now(),
            after=int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None,
        )
    except NothingToReview:
        messages.info(
            request, "No other disagreement is waiting." if after else "No disagreement is waiting."
        )
        return redirect("annotation:list_disagreements", slug)
    return redirect("annotation:decide_trace", slug, row.trace_id)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def decide_trace(request: HttpRequest, slug: str, trace_id: int) -> HttpResponse:
    """One trace with all that was said of it, and the form that decides it."""
    project = load_project(request, slug, *REVIEWERS)
    trace = get_object_or_404(Trace.objects.select_related("prompt", "project"), project=project, pk=trace_id)
    dispute = view_dispute(trace, account_of(request))
    form = DecisionForm(
        request.POST if request.method == "POST" else None,
        trace=trace,
        decision=dispute.decision,
        is_gold=dispute.is_gold,
    )
    if request.method == "POST" and form.is_valid():
        try:
            decisions.decide_trace(
                trace=trace,
                adjudicator=account_of(request),
                decision=form.as_decision(),
                idempotency_key=form.cleaned_data["idempotency_key"],
                now=timezone.now(),
            )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            return _go_on(request, dispute)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return _render_dispute(request, project, dispute, form, status=status)


@login_required
@never_cache
@require_POST
def answer_appeal(request: HttpRequest, slug: str, appeal_id: int) -> HttpResponse:
    project = load_project(request, slug, *REVIEWERS)
    appeal = get_object_or_404(Appeal, pk=appeal_id, trace__project=project)
    form = AnswerForm(request.POST)
    if form.is_valid():
        try:
            answered = appeals.answer_appeal(
                appeal=appeal,
                adjudicator=account_of(request),
                answer=form.cleaned_data["answer"],
                now=timezone.now(),
            )
        except (appeals.AppealNotOpen, appeals.OwnAppeal, appeals.WordsMissing) as refusal:
            form.add_error("answer", str(refusal))
        else:
            messages.success(request, f"Answered. {answered.get_state_display()}.")
            return redirect_htmx(request, "annotation:decide_trace", slug, appeal.trace_id)
    dispute = view_dispute(appeal.trace, account_of(request))
    decision_form = DecisionForm(trace=appeal.trace, decision=dispute.decision, is_gold=dispute.is_gold)
    return _render_dispute(
        request,
        project,
        dispute,
        decision_form,
        refused=(appeal.pk, form),
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )


def _go_on(request: HttpRequest, dispute: Dispute) -> HttpResponse:
    """Back to the appeals that the new decision may settle; else to the next disagreement."""
    slug = dispute.trace.project.slug
    messages.success(request, f"Trace {dispute.trace.pk} is decided.")
    if any(appeal.state == AppealState.OPEN for appeal in dispute.appeals):
        return redirect("annotation:decide_trace", slug, dispute.trace.pk)
    return redirect("annotation:next_disagreement", slug)


def _render_dispute(
    request: HttpRequest,
    project: Project,
    dispute: Dispute,
    form: DecisionForm,
    *,
    refused: tuple[int, AnswerForm] | None = None,
    status: int,
) -> HttpResponse:
    answer_forms = {appeal.pk: AnswerForm(auto_id=f"answer-{appeal.pk}-%s") for appeal in dispute.appeals}
    if refused is not None:
        answer_forms[refused[0]] = refused[1]
    context = {
        "project": project,
        "dispute": dispute,
        "trace": dispute.trace,
        "holder": _find_other_holder(account_of(request), dispute),
        "form": form,
        "rows": [(step, form.labels[step.index], form.note_of(step.index)) for step in dispute.steps],
        "appeals": [(appeal, answer_forms[appeal.pk]) for appeal in dispute.appeals],
        "idempotency_key": uuid4(),
        "data": {
            "labels": form.labels,
            "stops_at_first_error": project.stop_at_first_error,
            "can_rate_rest_good": True,
        },
    }
    return render(request, "reviews/decide_trace.html", context, status=status)


def _find_other_holder(account: Account, dispute: Dispute) -> Disagreement | None:
    """The disagreement, where another adjudicator holds it: they may be deciding the same trace."""
    row = dispute.disagreement
    if row is None or row.held_by_id is None or row.held_by_id == account.pk or row.held_until is None:
        return None
    return row if row.is_open and row.held_until > timezone.now() else None
