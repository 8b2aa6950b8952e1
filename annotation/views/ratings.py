"""The rating page: the next trace, rating it, amending it, and what the judges thought of it afterwards."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import asdict, dataclass
from http import HTTPStatus
from uuid import uuid4

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import push_url

from annotation.actions import assignments, ratings
from annotation.forms.ratings import OUTCOMES, RatingForm
from annotation.models import Account, Assignment, AssignmentState, Project, Rating, Role
from annotation.queries.access import list_assigned_to
from annotation.queries.assignments import find_last_rating, get_done_since
from annotation.queries.judge_opinions import list_judge_opinions
from annotation.rules.draft import Draft, by_index
from annotation.rules.rating import InvalidLabels
from annotation.views.access import account_of, load_project

_source = random.SystemRandom()

REFUSALS = (
    InvalidLabels,
    ratings.AlreadySubmitted,
    ratings.LeaseExpired,
    ratings.NothingToAmend,
    ratings.NotYours,
    ratings.ReasonMissing,
    ratings.TooLateToAmend,
    ratings.UnknownCategory,
)


@dataclass(frozen=True)
class CockpitData:
    """What the page's script starts from; see static/js/rating.js."""

    account: int
    assignment: int
    labels: tuple[int | None, ...]
    revision: int
    writer: str
    sequence: int
    active_seconds: float
    stops_at_first_error: bool
    can_rate_rest_good: bool
    draft_url: str


@login_required
@require_safe
def next_trace(request: HttpRequest, slug: str) -> HttpResponse:
    """Leases this rater's next trace and goes there; asking again gives the same one (docs/adr/rating-page.md)."""
    project = load_project(request, slug, Role.RATER)
    account = account_of(request)
    try:
        assignment = assignments.lease_next(
            project=project, rater=account, now=timezone.now(), source=_source
        )
    except assignments.NothingToRate:
        return _show_nothing_left(request, project, account)
    return redirect("annotation:rate_trace", assignment.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rate_trace(request: HttpRequest, assignment_id: int) -> HttpResponse:
    """One trace on the rater's desk. A script gets the page's form alone, and after submitting the next one's."""
    assignment = get_assignment(request, assignment_id)
    if request.method == "POST":
        return _take_rating(request, assignment)
    if assignment.state == AssignmentState.SUBMITTED:
        return redirect("annotation:show_rating", assignment.pk)
    return _show_cockpit(request, assignment)


@login_required
@require_safe
def show_rating(request: HttpRequest, assignment_id: int) -> HttpResponse:
    """What one submitted, and beside it what the judges thought, where the project shows that."""
    assignment = get_assignment(request, assignment_id)
    rating = Rating.objects.current().filter(assignment=assignment).first()
    if rating is None:
        return redirect("annotation:rate_trace", assignment.pk)
    now, project = timezone.now(), assignment.trace.project
    opinions = list_judge_opinions(assignment.trace) if project.shows_scores_after else []
    if opinions:
        assignments.record_scores_shown(assignment=assignment, now=now)
    form = RatingForm(trace=assignment.trace, draft=_draft_of(rating))
    context = {
        "assignment": assignment,
        "rating": rating,
        "rows": form.list_rows(opinions),
        "opinions": opinions,
        "can_amend": now <= ratings.amendable_until(assignment),
        "amendable_until": ratings.amendable_until(assignment),
    }
    return render(request, "ratings/show_rating.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def amend_rating(request: HttpRequest, assignment_id: int) -> HttpResponse:
    """The submitted rating, open again for the project's time; what was submitted first is kept."""
    assignment = get_assignment(request, assignment_id)
    now = timezone.now()
    rating = Rating.objects.current().filter(assignment=assignment).first()
    if rating is None:
        return redirect("annotation:rate_trace", assignment.pk)
    draft = _draft_of(rating)
    if request.method != "POST":
        if now > ratings.amendable_until(assignment):
            return redirect("annotation:show_rating", assignment.pk)
        return _render_cockpit(
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
            form.add_error(None, str(refusal))
        else:
            return _go_to(request, reverse("annotation:show_rating", args=[assignment.pk]))
    return _render_cockpit(request, assignment, form, rating=rating, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def get_assignment(request: HttpRequest, assignment_id: int) -> Assignment:
    """The person's own assignment; for anybody else there is none. Leaves the project on the request."""
    assignment = get_object_or_404(list_assigned_to(account_of(request)), pk=assignment_id)
    project = load_project(request, assignment.trace.project.slug, Role.RATER)
    request.nav_path = reverse("annotation:next_trace", args=[project.slug])  # type: ignore[attr-defined]
    return assignment


def _take_rating(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    form = RatingForm(request.POST, trace=assignment.trace, draft=ratings.get_draft(assignment))
    if form.is_valid():
        try:
            return _act(request, assignment, form)
        except ratings.StaleDraft as stale:
            form.add_error(None, f"{stale} Reload to see that version; what you sent is still below.")
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
    return _render_cockpit(request, assignment, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _act(request: HttpRequest, assignment: Assignment, form: RatingForm) -> HttpResponse:
    """Does what the pressed button says. Raises StaleDraft and REFUSALS."""
    account, now, sent = account_of(request), timezone.now(), form.cleaned_data
    if sent["action"] == "save":
        ratings.save_draft(
            assignment=assignment,
            rater=account,
            draft=form.as_draft(),
            base_revision=sent["base_revision"] or 0,
            now=now,
        )
        return redirect("annotation:rate_trace", assignment.pk)
    if sent["action"] == "skip":
        assignments.skip_trace(assignment=assignment, rater=account, reason=sent["reason"], now=now)
    else:
        ratings.submit_rating(
            assignment=assignment,
            rater=account,
            rating=form.as_rating(),
            idempotency_key=sent["idempotency_key"],
            now=now,
        )
    return _go_on(request, assignment.trace.project)


def _go_on(request: HttpRequest, project: Project) -> HttpResponse:
    """To the next trace. A script gets it in this very answer, so that going on costs one round trip."""
    if not request.htmx:  # type: ignore[attr-defined]  # set by HtmxMiddleware
        return redirect("annotation:next_trace", project.slug)
    account = account_of(request)
    try:
        leased = assignments.lease_next(project=project, rater=account, now=timezone.now(), source=_source)
    except assignments.NothingToRate:
        response = _show_nothing_left(request, project, account)
        return push_url(response, reverse("annotation:next_trace", args=[project.slug]))
    assignment = list_assigned_to(account).get(pk=leased.pk)
    form = RatingForm(trace=assignment.trace, draft=ratings.get_draft(assignment))
    response = _render_cockpit(request, assignment, form)
    return push_url(response, reverse("annotation:rate_trace", args=[leased.pk]))


def _go_to(request: HttpRequest, url: str) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _show_cockpit(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    try:
        assignments.renew_lease(assignment=assignment, rater=account_of(request), now=timezone.now())
    except ratings.LeaseExpired as lost:
        form = RatingForm(trace=assignment.trace, draft=ratings.get_draft(assignment))
        context = {"assignment": assignment, "message": str(lost), "rows": form.list_rows()}
        return _render_part(request, "ratings/lease_lost.html", context)
    form = RatingForm(trace=assignment.trace, draft=ratings.get_draft(assignment))
    return _render_cockpit(request, assignment, form)


def _render_cockpit(
    request: HttpRequest,
    assignment: Assignment,
    form: RatingForm,
    *,
    rating: Rating | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """The form for a trace; with `rating` it amends that one. Judge scores are read only where they may show."""
    account, now, project = account_of(request), timezone.now(), assignment.trace.project
    opinions = list_judge_opinions(assignment.trace) if _may_see_scores(assignment, rating) else []
    if opinions:
        assignments.record_scores_shown(assignment=assignment, now=now)
    context = {
        "assignment": assignment,
        "trace": assignment.trace,
        "prompt": assignment.trace.prompt,
        "project": project,
        "form": form,
        "rows": form.list_rows(opinions),
        "opinions": opinions,
        "amended": rating,
        "idempotency_key": uuid4(),  # of this rendering; it also names the page as a writer of drafts
        "data": asdict(_cockpit_data(account, assignment, form)),
        "last": find_last_rating(account, project, since=now - dt.timedelta(minutes=project.amend_minutes)),
    }
    return _render_part(request, "ratings/rate_trace.html", context, status=status)


def _may_see_scores(assignment: Assignment, rating: Rating | None) -> bool:
    """Before submitting, only where this pair was drawn to be assisted; when amending, only what showed before."""
    return assignment.is_assisted if rating is None else assignment.scores_shown_at is not None


def _cockpit_data(account: Account, assignment: Assignment, form: RatingForm) -> CockpitData:
    draft, project = ratings.get_draft(assignment), assignment.trace.project
    return CockpitData(
        account=account.pk,
        assignment=assignment.pk,
        labels=form.labels,
        revision=assignment.draft_revision,
        writer=draft.writer,
        sequence=draft.sequence,
        active_seconds=draft.active_seconds,
        stops_at_first_error=project.stop_at_first_error,
        can_rate_rest_good=project.can_rate_rest_good,
        draft_url=reverse("annotation:save_draft", args=[assignment.pk]),
    )


def _show_nothing_left(request: HttpRequest, project: Project, account: Account) -> HttpResponse:
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    context = {
        "project": project,
        "done": get_done_since(account, project, since=midnight),
        "last": find_last_rating(account, project, since=now - dt.timedelta(minutes=project.amend_minutes)),
    }
    return _render_part(request, "ratings/nothing_left.html", context)


def _render_part(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int = HTTPStatus.OK
) -> HttpResponse:
    """The page, or for a script its part named `cockpit`."""
    part = f"{template}#cockpit" if request.htmx else template  # type: ignore[attr-defined]
    return render(request, part, context, status=status)


def _draft_of(rating: Rating) -> Draft:
    return Draft(
        labels=tuple(rating.labels),
        notes=by_index(rating.notes),
        error_categories=by_index(rating.error_categories),
        rewrites=by_index(rating.rewrites),
        is_reference_wrong=rating.is_reference_wrong,
        active_seconds=rating.active_seconds,
    )
