"""Decisions on a rater's own work, where the project shows them, and appealing one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import appeals
from annotation.forms.decisions import AppealForm
from annotation.models import Role
from annotation.tables.reviews import build_own_decision_table
from annotation.views.access import account_of, load_project
from annotation.views.amending import render_rating
from annotation.views.cockpit import get_assignment
from annotation.views.tables import answer_tables


@login_required
@never_cache
@require_safe
def list_decisions(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, Role.RATER)
    if not project.shows_decisions:
        raise PermissionDenied(gettext("This project does not show decisions to its raters."))
    table = build_own_decision_table(project, account_of(request))
    return answer_tables(request, "decisions/list_decisions.html", {"project": project}, table)


@login_required
@require_POST
def file_appeal(request: HttpRequest, assignment_id: int) -> HttpResponseBase:
    """Stores the appeal; what is wrong with it is said on the page of the rating, with its words still there."""
    assignment = get_assignment(request, assignment_id)
    form = AppealForm(request.POST)
    if form.is_valid():
        try:
            appeals.file_appeal(
                trace=assignment.trace,
                rater=account_of(request),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except (appeals.AlreadyAppealed, appeals.NoDecisionToAppeal, appeals.WordsMissing) as refusal:
            form.add_error("reason", str(refusal))
        else:
            messages.success(request, gettext("Your appeal is filed. An adjudicator will answer it."))
            return redirect("annotation:show_rating", assignment.pk)
    return render_rating(request, assignment, appeal_form=form)
