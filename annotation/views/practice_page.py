"""The rating page for a trace that one practises on: it has no assignment, and its form leads back to the practice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import json_script
from django.utils.translation import gettext

from annotation.forms.ratings import RatingForm
from annotation.models import Project, QualificationAttempt, Trace
from annotation.rules.draft import by_text
from annotation.rules.key_bindings import keys_of
from annotation.templatetags.rendering import rendered_markdown
from annotation.views.access import account_of
from annotation.views.cockpit import CockpitData, render_part
from annotation.views.rating_form import FormKind, describe_keys, render_cards


@dataclass(frozen=True)
class PracticePlace:
    """Where a practice trace stands: its title, where its form goes, and the start of its steps' sources."""

    title: str
    url: str
    source_url: str
    back_url: str


def make_place(project: Project, trace: Trace, title: str, url: str) -> PracticePlace:
    source = reverse("annotation:show_practice_source", args=[project.slug, trace.pk, 0])
    return PracticePlace(
        title=title,
        url=url,
        source_url=source.removesuffix("0/"),
        back_url=reverse("annotation:show_practice", args=[project.slug]),
    )


def make_test_place(
    project: Project, attempt: QualificationAttempt, trace: Trace, num_left: int
) -> PracticePlace:
    total = len(attempt.trace_ids)
    title = gettext("Test, trace %(number)d of %(total)d") % {
        "number": min(total, total - num_left + 1),
        "total": total,
    }
    return make_place(project, trace, title, reverse("annotation:take_test", args=[project.slug, attempt.pk]))


def show_trace(
    request: HttpRequest,
    trace: Trace,
    form: RatingForm,
    place: PracticePlace,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """The rating page for a trace that has no assignment."""
    account, project = account_of(request), trace.project
    data = CockpitData(
        account=account.pk,
        username=account.username,
        assignment=0,
        labels=form.labels,
        categories=by_text(form.categories),
        revision=0,
        writer="",
        sequence=0,
        active_seconds=0.0,
        stops_at_first_error=project.stop_at_first_error,
        can_rate_rest_good=project.can_rate_rest_good,
        keys=keys_of(account.key_bindings),
        lease_seconds=0,
        draft_url="",
        ahead_url="",
        sign_in_url=reverse("annotation:sign_in"),
        last_urls={},
    )
    context = {
        "kind": FormKind(
            shows_reference=project.shows_reference and bool(trace.prompt.reference_answer),
            is_reference_wrong=form.shown_reference_wrong,
        ),
        "here": place.url,
        "trace_id": trace.pk,
        "num_steps": trace.num_steps,
        "prompt_html": rendered_markdown(trace.prompt.text),
        "reference_html": rendered_markdown(trace.prompt.reference_answer),
        "cards_html": render_cards(form.list_rows(), {"trace": trace, "practice": place}),
        "data_html": json_script(asdict(data), "cockpit-data"),
        "username": account.username,
        "active_seconds": data.active_seconds,
        "project": project,
        "form": form,
        "amended": place,  # as when amending, nothing is saved before it is sent
        "practice": place,
        "idempotency_key": uuid4(),
        **describe_keys(account, project, is_amending=True),
    }
    return render_part(request, "ratings/rate_trace.html", context, status=status)
