"""What the rating page is rendered from: the form for a trace, with or without the frame around it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from http import HTTPStatus
from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from annotation.actions import assignments, ratings
from annotation.forms.ratings import RatingForm
from annotation.models import Account, Assignment, Project, Rating
from annotation.queries.access import find_assigned_to
from annotation.queries.assignments import find_last_rating
from annotation.queries.judge_opinions import list_judge_opinions
from annotation.rules.draft import by_text
from annotation.rules.key_bindings import COMMANDS, Bindings, keys_of, show_key
from annotation.rules.rating import InvalidLabels
from annotation.views.access import account_of, show_project
from annotation.views.long_pages import NUM_AT_ONCE, group_steps, render_long

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
    request.nav_path = reverse("annotation:next_trace", args=[assignment.trace.project.slug])  # type: ignore[attr-defined]
    return assignment


def render_cockpit(
    request: HttpRequest,
    assignment: Assignment,
    form: RatingForm,
    *,
    rating: Rating | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponseBase:
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
        "amended": rating,
        "idempotency_key": uuid4(),  # of this rendering; it also names the page as a writer of drafts
        "data": asdict(_cockpit_data(account, assignment, form)),
        **describe_keys(account, project, is_amending=rating is not None),
        "last": find_last_rating(account, project, since=now - dt.timedelta(minutes=project.amend_minutes)),
    }
    rows = form.list_rows(opinions)
    if len(rows) > NUM_AT_ONCE:
        return render_long(request, _part(request, "ratings/rate_trace.html"), context, rows, status=status)
    return render_part(
        request, "ratings/rate_trace.html", {**context, "groups": group_steps(rows)}, status=status
    )


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
        draft_url=reverse("annotation:save_draft", args=[assignment.pk]),
        ahead_url=reverse("annotation:lease_ahead", args=[assignment.pk]),
        sign_in_url=reverse("annotation:sign_in"),
        last_urls=_last_urls(assignment),
    )


def _last_urls(assignment: Assignment) -> dict[str, str]:
    """Where the page leads back to, once this trace is the last one."""
    project, urls = assignment.trace.project, {}
    if project.amend_minutes:
        urls["amend"] = reverse("annotation:amend_rating", args=[assignment.pk])
    if project.shows_scores_after:
        urls["scores"] = reverse("annotation:show_rating", args=[assignment.pk])
    return urls


def describe_keys(account: Account, project: Project, *, is_amending: bool) -> dict[str, object]:
    """`hints`, the first key of each command; `key_rows`, what the sheet of keys lists."""
    return {
        "hints": {name: show_key(keys[0]) for name, keys in keys_of(account.key_bindings).items() if keys},
        "key_rows": _list_key_rows(account, project, is_amending=is_amending),
    }


def _list_key_rows(account: Account, project: Project, *, is_amending: bool) -> list[tuple[str, list[str]]]:
    """(what it does, its keys) of every command that this page has."""
    absent = {
        "rest_good": not project.can_rate_rest_good,
        "category": not project.error_categories,
        "guidelines": not project.guidelines,
        "skip": is_amending,
    }
    keys = keys_of(account.key_bindings)
    return [
        (gettext(command.title), [show_key(key) for key in keys[command.name]])
        for command in COMMANDS
        if keys[command.name] and not absent.get(command.name)
    ]


def render_part(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int = HTTPStatus.OK
) -> HttpResponse:
    """The page, or for a script its part named `cockpit`."""
    return render(request, _part(request, template), context, status=status)


def _part(request: HttpRequest, template: str) -> str:
    return f"{template}#cockpit" if request.htmx else template  # type: ignore[attr-defined]
