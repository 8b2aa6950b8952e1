"""What the rating page is rendered from: the form for a trace, with or without the frame around it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.html import json_script
from django.utils.safestring import SafeString

from annotation.actions import assignments, ratings
from annotation.forms.ratings import RatingForm
from annotation.models import Account, Assignment, Rating
from annotation.queries.access import find_assigned_to
from annotation.queries.assignments import find_last_rating
from annotation.queries.branches import offers_alternatives
from annotation.queries.judge_opinions import list_judge_opinions
from annotation.rules.draft import by_text
from annotation.rules.key_bindings import Bindings, keys_of
from annotation.rules.rating import InvalidLabels
from annotation.templatetags.rendering import rendered_markdown
from annotation.views.access import account_of, show_project
from annotation.views.addresses import address_of
from annotation.views.long_pages import NUM_AT_ONCE, respond_with_steps
from annotation.views.rating_form import FormKind, cast_form, describe_keys

# What stops a rating from being stored; each says why in words for the rater.
REFUSALS = (
    InvalidLabels,
    ratings.AlreadySubmitted,
    ratings.LeaseExpired,
    ratings.NothingToAmend,
    ratings.NotYours,
    ratings.ReasonMissing,
    ratings.TooLateToAmend,
    ratings.TraceDecided,
    ratings.UnknownCategory,
)


@dataclass(frozen=True)
class CockpitData:
    """What the page's script starts from; see static/js/rating.js."""

    account: int
    username: str
    assignment: int
    labels: tuple[int | None, ...]
    categories: dict[str, str]
    revision: int
    writer: str
    sequence: int
    active_seconds: float
    stops_at_first_error: bool
    can_rate_rest_good: bool
    keys: Bindings
    lease_seconds: int
    draft_url: str
    ahead_url: str
    sign_in_url: str
    last_urls: dict[str, str]


def get_assignment(request: HttpRequest, assignment_id: int) -> Assignment:
    """The person's own assignment; for anybody else there is none. Leaves the project on the request."""
    account = account_of(request)
    assignment = find_assigned_to(account, assignment_id)
    if assignment is None:
        raise Http404("This trace is not on your desk.")
    show_project(request, assignment.trace.project)
    request.nav_path = reverse_lazy("annotation:next_trace", args=[assignment.trace.project.slug])  # type: ignore[attr-defined]
    return assignment


def render_cockpit(
    request: HttpRequest,
    assignment: Assignment,
    form: RatingForm,
    *,
    rating: Rating | None = None,
    last: Rating | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponseBase:
    """The form for a trace; with `rating` it amends that one. Judge scores are read only where they may show.

    `last` is what the rater submitted last, where that is known; else it is looked up.
    """
    account, now, project = account_of(request), timezone.now(), assignment.trace.project
    opinions = list_judge_opinions(assignment.trace) if _may_see_scores(assignment, rating) else []
    if opinions:
        assignments.record_scores_shown(assignment=assignment, now=now)
    since = now - dt.timedelta(minutes=project.amend_minutes)
    if last is None or not project.amend_minutes:
        last = find_last_rating(account, project, since=since)
    kind = _kind_of(assignment, form, has_last=last is not None)
    values = {
        **_list_values(request, assignment, form, kind),
        "here": address_of(f"annotation:{'amend_rating' if rating else 'rate_trace'}", assignment.pk),
        "last_id": str(last.assignment_id) if last else "",
    }
    is_cast = bool(request.htmx) and rating is None and not form.is_bound  # type: ignore[attr-defined]

    rows = form.list_rows(opinions)

    def render_page(cards_html: SafeString) -> str:
        filled = {**values, "cards_html": cards_html}
        if is_cast:
            return cast_form(filled, kind=kind, form=form, project=project, account=account)
        keys = describe_keys(account, project, is_amending=rating is not None)
        context = {**filled, "kind": kind, "form": form, "project": project, "amended": rating, **keys}
        context["is_long"] = len(rows) > NUM_AT_ONCE
        return render_to_string(_part(request, "ratings/rate_trace.html"), context, request)

    place = {"trace": assignment.trace, "assignment": assignment}
    return respond_with_steps(request, render_page, rows, place, status=status)


def _kind_of(assignment: Assignment, form: RatingForm, *, has_last: bool) -> FormKind:
    trace = assignment.trace
    return FormKind(
        is_saved=assignment.draft_saved_at is not None,
        has_alternatives=offers_alternatives(trace.project_id),
        shows_reference=trace.project.shows_reference and bool(trace.prompt.reference_answer),
        is_reference_wrong=form.shown_reference_wrong,
        has_last=has_last,
    )


def _list_values(
    request: HttpRequest, assignment: Assignment, form: RatingForm, kind: FormKind
) -> dict[str, str]:
    """What differs between two traces of a project."""
    account, prompt = account_of(request), assignment.trace.prompt
    data = _cockpit_data(account, assignment, form)
    return {
        "assignment_id": str(assignment.pk),
        "csrf_token": get_token(request),
        "idempotency_key": str(uuid4()),  # of this rendering; it also names the page as a writer of drafts
        "draft_revision": str(assignment.draft_revision),
        "active_seconds": str(data.active_seconds),
        "num_steps": str(assignment.trace.num_steps),
        "username": account.username,
        "data_html": json_script(vars(data), "cockpit-data"),
        "prompt_html": rendered_markdown(prompt.text),
        "reference_html": rendered_markdown(prompt.reference_answer if kind.shows_reference else ""),
    }


def _may_see_scores(assignment: Assignment, rating: Rating | None) -> bool:
    """Before submitting, only where this pair was drawn to be assisted; when amending, only what showed before."""
    return assignment.is_assisted if rating is None else assignment.scores_shown_at is not None


def _cockpit_data(account: Account, assignment: Assignment, form: RatingForm) -> CockpitData:
    draft, project = ratings.get_draft(assignment), assignment.trace.project
    return CockpitData(
        account=account.pk,
        username=account.username,
        assignment=assignment.pk,
        labels=form.labels,
        categories=by_text(form.categories),
        revision=assignment.draft_revision,
        writer=draft.writer,
        sequence=draft.sequence,
        active_seconds=draft.active_seconds,
        stops_at_first_error=project.stop_at_first_error,
        can_rate_rest_good=project.can_rate_rest_good,
        keys=keys_of(account.key_bindings),
        lease_seconds=60 * project.lease_minutes,
        draft_url=address_of("annotation:save_draft", assignment.pk),
        ahead_url=address_of("annotation:lease_ahead", assignment.pk),
        sign_in_url=reverse("annotation:sign_in"),
        last_urls=_last_urls(assignment),
    )


def _last_urls(assignment: Assignment) -> dict[str, str]:
    """Where the page leads back to, once this trace is the last one."""
    project, urls = assignment.trace.project, {}
    if project.amend_minutes:
        urls["amend"] = address_of("annotation:amend_rating", assignment.pk)
    if project.shows_scores_after:
        urls["scores"] = address_of("annotation:show_rating", assignment.pk)
    return urls


def render_part(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int = HTTPStatus.OK
) -> HttpResponse:
    """The page, or for a script its part named `cockpit`."""
    return render(request, _part(request, template), context, status=status)


def _part(request: HttpRequest, template: str) -> str:
    return f"{template}#cockpit" if request.htmx else template  # type: ignore[attr-defined]
