"""Alternatives to the first wrong step: asking for them, seeing them arrive, and picking one without a script."""

from __future__ import annotations

import random
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import branches, ratings
from annotation.forms.branches import RewriteForm
from annotation.forms.telling import tell
from annotation.models import Assignment, AssignmentState, Rating
from annotation.queries.branches import find_alternative, find_asked_batch, get_offer
from annotation.rules.draft import InvalidDraft
from annotation.rules.rating import BAD, Label
from annotation.rules.segmentation import split_steps
from annotation.views.access import account_of
from annotation.views.cockpit import get_assignment

_NOTHING_SENT = gettext_noop("Pick an alternative, or write the step.")
_source = random.SystemRandom()
_NOT_ASKED = (branches.EnoughRounds, branches.NoModel, branches.NotTheFirstError, ratings.NotYours)
_NOT_KEPT = (
    branches.NotTheFirstError,
    InvalidDraft,
    ratings.AlreadySubmitted,
    ratings.NotYours,
    ratings.StaleDraft,
)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_alternatives(request: HttpRequest, assignment_id: int, index: int) -> HttpResponse:
    """What the model would have gone on with. A POST asks for it; the rating page shows the answer within the step."""
    assignment = _get_assignment(request, assignment_id, index)
    if request.method != "POST":
        return _render(request, assignment, index)
    message = _ask(request, assignment, index)
    if message or request.htmx:  # type: ignore[attr-defined]  # set by HtmxMiddleware
        return _render(request, assignment, index, message=message)
    return redirect("annotation:show_alternatives", assignment.pk, index)


@login_required
@require_POST
def keep_rewrite(request: HttpRequest, assignment_id: int, index: int) -> HttpResponse:
    """Keeps what was picked or written in the draft, and goes back to the step; the page's script does it by itself."""
    assignment = _get_assignment(request, assignment_id, index)
    form = RewriteForm(request.POST)
    message = gettext(_NOTHING_SENT) if "alternative" in form.errors else ""
    if form.is_valid():
        message = _keep(request, assignment, index, form)
        if not message:
            return redirect(f"{reverse('annotation:rate_trace', args=[assignment.pk])}#step-{index + 1}")
    return _render(
        request, assignment, index, form=form, message=message, status=HTTPStatus.UNPROCESSABLE_ENTITY
    )


def _get_assignment(request: HttpRequest, assignment_id: int, index: int) -> Assignment:
    assignment = get_assignment(request, assignment_id)
    if index >= assignment.trace.num_steps:
        raise Http404(gettext("This trace has no such step."))
    return assignment


def _ask(request: HttpRequest, assignment: Assignment, index: int) -> str:
    """Why the model is not asked, or nothing. A step that was opened again shows what was offered before."""
    if request.POST.get("unless_asked") and get_offer(assignment, index).latest is not None:
        return ""
    labels = list(_labels_of(assignment))
    if request.POST.get("label") == str(BAD):
        labels[index] = BAD  # the page's own draft may be on its way still
    try:
        branches.ask_for_alternatives(
            assignment=assignment,
            rater=account_of(request),
            step_index=index,
            labels=tuple(labels),
            now=timezone.now(),
            source=_source,
        )
    except _NOT_ASKED as refusal:
        return tell(refusal)
    return ""


def _keep(request: HttpRequest, assignment: Assignment, index: int, form: RewriteForm) -> str:
    """Why nothing was kept, or nothing."""
    text = form.cleaned_data["text"]
    if form.cleaned_data["alternative"]:
        picked = find_alternative(assignment, index, form.cleaned_data["alternative"])
        text = picked.text if picked else ""
    if not text.strip():
        return gettext(_NOTHING_SENT)
    try:
        branches.keep_rewrite(
            assignment=assignment, rater=account_of(request), step_index=index, text=text, now=timezone.now()
        )
    except _NOT_KEPT as refusal:
        return tell(refusal)
    return ""


def _labels_of(assignment: Assignment) -> tuple[Label, ...]:
    """As they were last saved: of the submitted rating, else of the draft."""
    rating = Rating.objects.current().filter(assignment=assignment).first()
    return tuple(rating.labels) if rating else ratings.get_draft(assignment).labels


def _render(
    request: HttpRequest,
    assignment: Assignment,
    index: int,
    *,
    form: RewriteForm | None = None,
    message: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """The page, or for htmx its part named `alternatives`."""
    trace = assignment.trace
    steps = split_steps(trace.completion, trace.step_ends)
    offer, has_model = get_offer(assignment, index), find_asked_batch(trace) is not None
    context = {
        "assignment": assignment,
        "trace": trace,
        "index": index,
        "number": index + 1,
        "step": steps[index],
        "before": list(enumerate(steps[:index], start=1)),
        "offer": offer,
        "has_model": has_model,
        "can_ask": has_model
        and (offer.latest is None or offer.has_failed or offer.latest.round < branches.MAX_ROUNDS),
        "is_submitted": assignment.state == AssignmentState.SUBMITTED,
        "form": form or RewriteForm(),
        "message": message,
    }
    template = "branches/show_alternatives.html"
    part = f"{template}#alternatives" if request.htmx else template  # type: ignore[attr-defined]
    return render(request, part, context, status=HTTPStatus.OK if request.htmx else status)  # type: ignore[attr-defined]
