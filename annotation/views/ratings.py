"""The rating page: the next trace, rating it, and the one after that."""

from __future__ import annotations

import datetime as dt
import random
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, push_url

from annotation.actions import assignments, ratings
from annotation.actions.leases_ahead import return_leases
from annotation.forms.ratings import RatingForm
from annotation.forms.telling import tell
from annotation.models import Account, Assignment, AssignmentState, Project, Rating, Role, SelectedBy
from annotation.queries.assignments import find_last_rating, get_done_since
from annotation.queries.pauses import find_pause
from annotation.views.access import account_of, load_project
from annotation.views.addresses import address_of
from annotation.views.cockpit import REFUSALS, get_assignment, render_cockpit, render_part

_source = random.SystemRandom()
_NO_ID_LENGTH = 19  # digits that no id of the database has


@login_required
@require_safe
def next_trace(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Leases this rater's next trace and goes there; asking again gives the same one (docs/adr/rating-page.md)."""
    project = load_project(request, slug, Role.RATER)
    account = account_of(request)
    try:
        assignment = assignments.lease_next(
            project=project, rater=account, now=timezone.now(), source=_source
        )
    except assignments.NotQualified:
        return redirect("annotation:show_practice", slug)
    except assignments.NothingToRate:
        return _show_nothing_left(request, project, account)
    return redirect("annotation:rate_trace", assignment.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
def rate_trace(request: HttpRequest, assignment_id: int) -> HttpResponseBase:
    """One trace on the rater's desk. A script gets the page's form alone, and after submitting the next one's."""
    assignment = get_assignment(request, assignment_id)
    if request.method == "POST":
        return _take_rating(request, assignment)
    if assignment.state == AssignmentState.SUBMITTED:
        return redirect("annotation:show_rating", assignment.pk)
    return _show_cockpit(request, assignment)


@login_required
@require_POST
@gzip_page
def lease_ahead(request: HttpRequest, assignment_id: int) -> HttpResponseBase:
    """The form of the trace after this one, leased ahead so that it shows without waiting (docs/adr/lease-ahead.md)."""
    assignment = get_assignment(request, assignment_id)
    return _render_ahead(request, assignment.trace.project)


def _take_rating(request: HttpRequest, assignment: Assignment) -> HttpResponseBase:
    form = RatingForm(request.POST, trace=assignment.trace, draft=ratings.get_draft(assignment))
    if form.is_valid():
        try:
            return _act(request, assignment, form)
        except ratings.StaleDraft as stale:
            form.add_error(
                None, str(stale) + " " + gettext("Reload to see that version; what you sent is still below.")
            )
        except REFUSALS as refusal:
            form.add_error(None, tell(refusal))
    return render_cockpit(request, assignment, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _act(request: HttpRequest, assignment: Assignment, form: RatingForm) -> HttpResponseBase:
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
    last = None
    if sent["action"] == "skip":
        assignments.skip_trace(assignment=assignment, rater=account, reason=sent["reason"], now=now)
    else:
        last = ratings.submit_rating(
            assignment=assignment,
            rater=account,
            rating=form.as_rating(),
            idempotency_key=sent["idempotency_key"],
            now=now,
        )
    was_gold = assignment.selected_by == SelectedBy.GOLD
    return _go_on(request, assignment.trace.project, shown=sent["shown"], was_gold=was_gold, last=last)


def _go_on(
    request: HttpRequest, project: Project, *, shown: str, was_gold: bool, last: Rating | None
) -> HttpResponseBase:
    """To the next trace, or to why there is none for this rater now: gold may have shown that they must be paused.

    A script gets the next one in this very answer, so that going on costs one round trip; where it shows that trace
    already (`shown`, an assignment leased ahead), it gets the one after.
    """
    if not request.htmx:  # type: ignore[attr-defined]  # set by HtmxMiddleware
        return redirect("annotation:next_trace", project.slug)
    account = account_of(request)
    if was_gold and find_pause(account, project.slug) is not None:
        return _stop_here(request, project)
    try:
        leased = assignments.lease_next(
            project=project,
            rater=account,
            now=timezone.now(),
            source=_source,
            shown=int(shown) if shown.isdecimal() and len(shown) < _NO_ID_LENGTH else None,
        )
    except assignments.NothingToRate:
        if shown:
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        response = _show_nothing_left(request, project, account)
        return push_url(response, reverse("annotation:next_trace", args=[project.slug]))
    return _render_leased(request, leased, last=last)


def _stop_here(request: HttpRequest, project: Project) -> HttpResponse:
    """Gives back what a paused rater holds, and leads to where they are told why."""
    return_leases(rater=account_of(request), project=project, now=timezone.now())
    return HttpResponseClientRedirect(reverse("annotation:next_trace", args=[project.slug]))


def _render_ahead(request: HttpRequest, project: Project) -> HttpResponseBase:
    """The form of the trace after the current one, leased with this; no content where there is none."""
    try:
        leased = assignments.lease_next(
            project=project, rater=account_of(request), now=timezone.now(), source=_source, is_ahead=True
        )
    except assignments.NothingToRate:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return _render_leased(request, leased)


def _render_leased(
    request: HttpRequest, leased: Assignment, *, last: Rating | None = None
) -> HttpResponseBase:
    form = RatingForm(trace=leased.trace, draft=ratings.get_draft(leased))
    response = render_cockpit(request, leased, form, last=last)
    return push_url(response, address_of("annotation:rate_trace", leased.pk))


def _show_cockpit(request: HttpRequest, assignment: Assignment) -> HttpResponseBase:
    try:
        assignments.renew_lease(assignment=assignment, rater=account_of(request), now=timezone.now())
    except ratings.LeaseExpired as lost:
        form = RatingForm(trace=assignment.trace, draft=ratings.get_draft(assignment))
        context = {"assignment": assignment, "message": str(lost), "rows": form.list_rows()}
        return render_part(request, "ratings/lease_lost.html", context)
    form = RatingForm(trace=assignment.trace, draft=ratings.get_draft(assignment))
    return render_cockpit(request, assignment, form)


def _show_nothing_left(request: HttpRequest, project: Project, account: Account) -> HttpResponseBase:
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    context = {
        "project": project,
        "done": get_done_since(account, project, since=midnight),
        "last": find_last_rating(account, project, since=now - dt.timedelta(minutes=project.amend_minutes)),
    }
    return render_part(request, "ratings/nothing_left.html", context)
