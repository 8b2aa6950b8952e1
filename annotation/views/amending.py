"""After submitting: what one said, what the judges thought of it, and amending it."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import assignments, ratings
from annotation.forms.decisions import AppealForm
from annotation.forms.ratings import OUTCOMES, RatingForm
from annotation.forms.telling import tell
from annotation.models import Appeal, Assignment, Rating
from annotation.queries.assignments import list_revisions
from annotation.queries.branches import find_offered
from annotation.queries.decisions import compare_with_decision, find_decision_for
from annotation.queries.judge_opinions import list_judge_opinions
from annotation.rules.draft import Draft, by_index
from annotation.views.access import account_of
from annotation.views.cockpit import REFUSALS, get_assignment, render_cockpit


@login_required
@require_safe
def show_rating(request: HttpRequest, assignment_id: int) -> HttpResponseBase:
    """What one submitted, and beside it what the judges thought, where the project shows that."""
    return render_rating(request, get_assignment(request, assignment_id))


@login_required
@require_safe
def show_revision(request: HttpRequest, assignment_id: int, revision: int) -> HttpResponseBase:
    """What one had submitted before one amended it, beside what one says now."""
    assignment = get_assignment(request, assignment_id)
    revisions = list_revisions(assignment)
    rating = next((rating for rating in revisions if rating.revision == revision), None)
    if rating is None:
        raise Http404(gettext("You gave no such rating of this trace."))
    current = next(rating for rating in revisions if rating.is_current)
    if rating == current:
        return redirect("annotation:show_rating", assignment.pk)
    rows = RatingForm(trace=assignment.trace, draft=_draft_of(rating)).list_rows()
    context = {
        "assignment": assignment,
        "rating": rating,
        "revisions": revisions,
        "current": current,
        "rows": list(zip(rows, current.labels, strict=True)),
    }
    return render(request, "ratings/show_revision.html", context)


def render_rating(
    request: HttpRequest, assignment: Assignment, *, appeal_form: AppealForm | None = None
) -> HttpResponseBase:
    """The page of one's own rating, with what was decided of the trace where the rater may see that."""
    revisions = list_revisions(assignment)
    rating = next((rating for rating in revisions if rating.is_current), None)
    if rating is None:
        return redirect("annotation:rate_trace", assignment.pk)
    now, project = timezone.now(), assignment.trace.project
    decision = find_decision_for(assignment.rater, assignment.trace)
    opinions = list_judge_opinions(assignment.trace) if project.shows_scores_after else []
    if opinions:
        assignments.record_scores_shown(assignment=assignment, now=now)
    form = RatingForm(trace=assignment.trace, draft=_draft_of(rating))
    context = {
        "assignment": assignment,
        "rating": rating,
        "revisions": revisions,
        "rows": form.list_rows(opinions),
        "opinions": opinions,
        "can_amend": decision is None and now <= ratings.amendable_until(assignment),
        "amendable_until": ratings.amendable_until(assignment),
        "own_decision": compare_with_decision(rating, decision) if decision else None,
        "appeal": Appeal.objects.filter(trace=assignment.trace, rater=assignment.rater).first(),
        "appeal_form": appeal_form or AppealForm(),
    }
    return render(request, "ratings/show_rating.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
def amend_rating(request: HttpRequest, assignment_id: int) -> HttpResponseBase:
    """The submitted rating, open again for the project's time; what was submitted first is kept."""
    assignment = get_assignment(request, assignment_id)
    now = timezone.now()
    rating = Rating.objects.current().filter(assignment=assignment).first()
    if rating is None:
        return redirect("annotation:rate_trace", assignment.pk)
    draft = _draft_of(rating)
    if request.method != "POST":
        if now > ratings.amendable_until(assignment) or find_decision_for(assignment.rater, assignment.trace):
            return redirect("annotation:show_rating", assignment.pk)
        draft = _take_over(draft, assignment, request.GET.get("alternative", ""))
        return render_cockpit(
            request, assignment, RatingForm(trace=assignment.trace, draft=draft), rating=rating
        )
    form = RatingForm(request.POST, trace=assignment.trace, draft=draft)
    if form.is_valid() and form.cleaned_data["action"] in OUTCOMES:
        try:
            ratings.amend_rating(
                assignment=assignment,
                rater=account_of(request),
                rating=form.as_rating(),
                idempotency_key=form.cleaned_data["idempotency_key"],
                now=now,
            )
        except REFUSALS as refusal:
            form.add_error(None, tell(refusal))
        else:
            return _go_to(request, reverse("annotation:show_rating", args=[assignment.pk]))
    return render_cockpit(request, assignment, form, rating=rating, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _go_to(request: HttpRequest, url: str) -> HttpResponseBase:
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _take_over(draft: Draft, assignment: Assignment, alternative_id: str) -> Draft:
    """The draft with an offered alternative as the rewrite of its step: a link does that, without a script."""
    is_number = alternative_id.isascii() and alternative_id.isdecimal() and len(alternative_id) < 19
    picked = find_offered(assignment, int(alternative_id)) if is_number else None
    if picked is None:
        return draft
    return replace(draft, rewrites={**draft.rewrites, picked.branch.step_index: picked.text})


def _draft_of(rating: Rating) -> Draft:
    return Draft(
        labels=tuple(rating.labels),
        notes=by_index(rating.notes),
        error_categories=by_index(rating.error_categories),
        rewrites=by_index(rating.rewrites),
        is_reference_wrong=rating.is_reference_wrong,
        active_seconds=rating.active_seconds,
    )
