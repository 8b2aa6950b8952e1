"""An admin's page on practice: the test, the gold that is practised on, and how each rater did."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import qualification
from annotation.forms.practice import GoldUseForm, QualificationForm
from annotation.models import GoldUse, Membership, Project, Role
from annotation.queries.practice import count_gold_by_use, list_practice_gold
from annotation.rules.practice import TUTORIAL_SIZE
from annotation.tables.practice import build_practice_gold_table, build_result_table
from annotation.views.access import account_of, load_project
from annotation.views.tables import answer_tables

_source = random.SystemRandom()
_FILL = {GoldUse.TUTORIAL: qualification.fill_tutorial, GoldUse.TEST: qualification.fill_test}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def manage_practice(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Shows it all; a POST changes the test's rules."""
    project = load_project(request, slug, Role.ADMIN)
    form = QualificationForm(request.POST or None, rules=qualification.QualificationRules.of(project))
    if request.method == "POST" and form.is_valid():
        try:
            qualification.set_rules(
                project=project, rules=form.rules(), actor=account_of(request), now=timezone.now()
            )
        except qualification.NotEnoughGold as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "The test is saved. It holds for attempts begun from now on.")
            return redirect("annotation:manage_practice", slug)
    return _show(request, project, form, status=422 if form.errors else 200)


@login_required
@require_POST
def set_gold_use(request: HttpRequest, slug: str) -> HttpResponse:
    """Sets ticked gold aside, or mixes it into work again."""
    project = load_project(request, slug, Role.ADMIN)
    trace_ids = list(list_practice_gold(project).values_list("trace", flat=True))
    form = GoldUseForm(request.POST, trace_ids=trace_ids)
    if form.is_valid():
        use = GoldUse(form.cleaned_data["use"])
        num = qualification.set_gold_use(
            project=project,
            trace_ids=form.cleaned_data["traces"],
            use=use,
            actor=account_of(request),
            now=timezone.now(),
        )
        messages.success(request, f"{num} moved to “{use.label}”.")
    else:
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
    return _go_back(request, slug)


@login_required
@require_POST
def fill_practice(request: HttpRequest, slug: str) -> HttpResponse:
    """Draws varied gold for the tutorial or the test, as the pressed button says."""
    project = load_project(request, slug, Role.ADMIN)
    fill = _FILL.get(GoldUse(request.POST["use"])) if request.POST.get("use") in GoldUse.values else None
    if fill is None:
        messages.error(request, "Choose the tutorial or the test.")
        return _go_back(request, slug)
    try:
        num = fill(project=project, actor=account_of(request), now=timezone.now(), source=_source)
    except qualification.NotEnoughGold as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{num} gold traces are set aside." if num else "It is full already.")
    return _go_back(request, slug)


@login_required
@require_POST
def waive_test(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """Lets one rater rate without the test."""
    project = load_project(request, slug, Role.ADMIN)
    membership = get_object_or_404(Membership, project=project, role=Role.RATER, pk=membership_id)
    qualification.waive_test(
        project=project, rater=membership.account, actor=account_of(request), now=timezone.now()
    )
    messages.success(request, f"{membership.account} may rate without the test.")
    return _go_back(request, slug)


def _show(
    request: HttpRequest, project: Project, form: QualificationForm, *, status: int
) -> HttpResponseBase:
    num = count_gold_by_use(project)
    context = {
        "project": project,
        "form": form,
        "uses": GoldUse,
        "num_gold": sum(num.values()),
        "num_tutorial": num.get(GoldUse.TUTORIAL, 0),
        "num_test": num.get(GoldUse.TEST, 0),
        "tutorial_size": TUTORIAL_SIZE,
    }
    tables = (build_result_table(project), build_practice_gold_table(project))
    return answer_tables(request, "practice/manage_practice.html", context, *tables, status=status)


def _go_back(request: HttpRequest, slug: str) -> HttpResponse:
    """To the page, filtered, sorted and paged as it was when the button was pressed."""
    page = reverse("annotation:manage_practice", args=[slug])
    came_from = urlsplit(request.headers.get("Referer", ""))
    is_filtered = came_from.path == page and came_from.query
    return redirect(f"{page}?{came_from.query}" if is_filtered else page)
