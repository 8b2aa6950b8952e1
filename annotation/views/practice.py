"""A rater's practice: the tutorial with its feedback, and the test that lets them into a project.

A practice trace is shown on the rating page itself, so that its keys and its looks are what is practised. It has no
assignment: nothing said here is a rating, no draft is saved, and no judge is shown.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import practice
from annotation.forms.ratings import RatingForm
from annotation.forms.telling import tell
from annotation.models import Gold, Project, QualificationAttempt, Role, Trace
from annotation.queries.practice import find_tutorial_gold, get_practice, list_unanswered
from annotation.rules.draft import empty_draft
from annotation.rules.gold_accuracy import gold_first_error
from annotation.rules.practice import compare_with_gold
from annotation.rules.rating import InvalidLabels
from annotation.rules.segmentation import split_steps, step_spans
from annotation.views.access import account_of, load_project
from annotation.views.practice_page import make_place, make_test_place, show_trace
from annotation.views.responses import redirect_htmx

_source = random.SystemRandom()


@dataclass(frozen=True)
class FeedbackRow:
    """A step with what the rater said and what is known; `stands` is None behind the first error, which isn't asked."""

    number: int
    text: str
    label: int | None
    stands: bool | None


@login_required
@require_safe
def show_practice(request: HttpRequest, slug: str) -> HttpResponse:
    """What there is to practise, how far one is, and whether one may rate."""
    project = load_project(request, slug, Role.RATER)
    context = {"project": project, "practice": get_practice(account_of(request), project)}
    return render(request, "practice/show_practice.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def practise_trace(request: HttpRequest, slug: str, trace_id: int) -> HttpResponse:
    """One trace of the tutorial; what one says of it leads to the feedback."""
    project, gold = _get_tutorial_gold(request, slug, trace_id)
    place = make_place(project, gold.trace, gettext("Tutorial"), request.path)
    form = RatingForm(request.POST or None, trace=gold.trace, draft=empty_draft(gold.trace.num_steps))
    if request.method != "POST":
        return show_trace(request, gold.trace, form, place)
    if _has_answer(form):
        try:
            practice.answer_tutorial(
                project=project,
                trace=gold.trace,
                rater=account_of(request),
                answer=_answer_of(form),
                now=timezone.now(),
            )
        except (InvalidLabels, practice.NothingToPractise) as refusal:
            form.add_error(None, tell(refusal))
        else:
            return redirect_htmx(request, "annotation:show_feedback", slug, trace_id)
    return show_trace(request, gold.trace, form, place, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@login_required
@require_safe
def show_feedback(request: HttpRequest, slug: str, trace_id: int) -> HttpResponse:
    """What was right of one's answer, step by step, and why. Before one has answered there is nothing here."""
    project, gold = _get_tutorial_gold(request, slug, trace_id)
    state = get_practice(account_of(request), project)
    item = next(item for item in state.tutorial if item.trace_id == trace_id)
    if item.answer is None:
        return redirect("annotation:practise_trace", slug, trace_id)
    known_error = gold_first_error(gold.stands)
    context = {
        "project": project,
        "gold": gold,
        "item": item,
        "practice": state,
        "finding": compare_with_gold(item.answer.labels, gold.stands).value,
        "known_number": None if known_error is None else known_error + 1,
        "rows": _list_feedback(gold, item.answer.labels, known_error),
    }
    return render(request, "practice/show_feedback.html", context)


@login_required
@require_POST
def start_test(request: HttpRequest, slug: str) -> HttpResponse:
    """Begins an attempt at the test, or goes on with the one that is open."""
    project = load_project(request, slug, Role.RATER)
    try:
        attempt = practice.start_attempt(
            project=project, rater=account_of(request), now=timezone.now(), source=_source
        )
    except (practice.AlreadyQualified, practice.NoAttemptLeft, practice.TestNotReady) as refusal:
        messages.info(request, tell(refusal))
        return redirect("annotation:show_practice", slug)
    return redirect("annotation:take_test", slug, attempt.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def take_test(request: HttpRequest, slug: str, attempt_id: int) -> HttpResponse:
    """The next trace of one's open attempt, without feedback; after the last one the result."""
    project, attempt = _get_attempt(request, slug, attempt_id)
    left = list_unanswered(attempt)
    if request.method == "POST":
        return _take_answer(request, project, attempt)
    if attempt.finished_at is not None or not left:
        return redirect("annotation:show_practice", slug)
    trace = Trace.objects.select_related("prompt", "project").get(pk=left[0])
    form = RatingForm(trace=trace, draft=empty_draft(trace.num_steps))
    return show_trace(request, trace, form, make_test_place(project, attempt, trace, len(left)))


@login_required
@require_safe
def show_practice_source(request: HttpRequest, slug: str, trace_id: int, index: int) -> HttpResponse:
    """Exactly what the model wrote in a step of a trace that one practises on."""
    project = load_project(request, slug, Role.RATER)
    account = account_of(request)
    is_in_test = QualificationAttempt.objects.filter(
        project=project, rater=account, trace_ids__contains=[trace_id]
    ).exists()
    if not is_in_test and find_tutorial_gold(project, trace_id) is None:
        raise Http404(gettext("This trace is in no tutorial any more."))
    trace = get_object_or_404(Trace, project=project, pk=trace_id)
    if index >= trace.num_steps:
        raise Http404(gettext("This trace has no such step."))
    start, end = step_spans(trace.step_ends)[index]
    return HttpResponse(trace.completion[start:end], content_type="text/plain; charset=utf-8")


def _take_answer(request: HttpRequest, project: Project, attempt: QualificationAttempt) -> HttpResponse:
    """Stores the answer to the trace that the form was shown for, whichever is next by now."""
    trace_id = request.POST.get("trace", "")
    if trace_id not in map(str, attempt.trace_ids):
        raise Http404(gettext("This trace is not in your test any more. Go on with the next."))
    trace = get_object_or_404(Trace.objects.select_related("prompt", "project"), pk=int(trace_id))
    form = RatingForm(request.POST, trace=trace, draft=empty_draft(trace.num_steps))
    if _has_answer(form):
        try:
            attempt = practice.answer_test(
                attempt=attempt, trace_id=trace.pk, answer=_answer_of(form), now=timezone.now()
            )
        except (InvalidLabels, practice.NothingToPractise) as refusal:
            form.add_error(None, tell(refusal))
        else:
            if attempt.finished_at is None:
                return redirect_htmx(request, "annotation:take_test", project.slug, attempt.pk)
            return redirect_htmx(request, "annotation:show_practice", project.slug)
    place = make_test_place(project, attempt, trace, len(list_unanswered(attempt)))
    return show_trace(request, trace, form, place, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _get_tutorial_gold(request: HttpRequest, slug: str, trace_id: int) -> tuple[Project, Gold]:
    project = load_project(request, slug, Role.RATER)
    _stand_at_practice(request, project)
    gold = find_tutorial_gold(project, trace_id)
    if gold is None:
        raise Http404(gettext("This trace is in no tutorial any more."))
    return project, gold


def _get_attempt(request: HttpRequest, slug: str, attempt_id: int) -> tuple[Project, QualificationAttempt]:
    project = load_project(request, slug, Role.RATER)
    _stand_at_practice(request, project)
    own = QualificationAttempt.objects.filter(project=project, rater=account_of(request))
    return project, get_object_or_404(own, pk=attempt_id, number__gt=0)


def _stand_at_practice(request: HttpRequest, project: Project) -> None:
    request.nav_path = reverse("annotation:show_practice", args=[project.slug])  # type: ignore[attr-defined]


def _has_answer(form: RatingForm) -> bool:
    """Whether a whole answer was sent. A practice trace is judged step by step, whatever else its page offers."""
    if not form.is_valid():
        return False
    if form.cleaned_data["action"] != "submit":
        form.add_error(None, gettext("In practice every trace can be judged: rate its steps."))
        return False
    return True


def _answer_of(form: RatingForm) -> practice.NewAnswer:
    return practice.NewAnswer(form.labels, active_seconds=form.cleaned_data["active_seconds"] or 0.0)


def _list_feedback(gold: Gold, labels: list[int | None], known_error: int | None) -> list[FeedbackRow]:
    steps = split_steps(gold.trace.completion, gold.trace.step_ends)
    return [
        FeedbackRow(
            number=index + 1,
            text=text,
            label=labels[index],
            stands=None if known_error is not None and index > known_error else gold.stands[index],
        )
        for index, text in enumerate(steps)
    ]
