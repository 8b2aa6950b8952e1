"""The quality pages: how far raters agree, judges against people, and what more labels would buy."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import quality_reports
from annotation.measuring.more_labels import LabelValue
from annotation.measuring.reports import AgreementReport, JudgesReport
from annotation.measuring.stored import load
from annotation.models import Project, ReportKind, Role
from annotation.queries import quality_reports as queries
from annotation.queries.access import list_projects_with_role
from annotation.queries.people import name_raters
from annotation.tables.agreement_groups import (
    build_agreement_group_table,
    build_pair_table,
    build_said_table,
)
from annotation.tables.judge_groups import build_judge_group_table
from annotation.tables.more_labels import build_prospect_table
from annotation.tables.quality import (
    build_disputed_table,
    build_judge_table,
    build_project_agreement_table,
)
from annotation.views.access import account_of, load_project
from annotation.views.agreement_page import describe_agreement
from annotation.views.judge_charts import draw_all_anchoring
from annotation.views.judge_quality_page import describe_judge, describe_more_labels, list_judge_rows
from annotation.views.measures import AGREEMENT_MEASURES, JUDGE_MEASURES, choose_measure
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables

AGREEMENT_READERS = (Role.ADMIN, Role.ADJUDICATOR)
JUDGE_READERS = (Role.ADMIN, Role.ADJUDICATOR, Role.ENGINEER)
_READERS = {
    ReportKind.AGREEMENT: AGREEMENT_READERS,
    ReportKind.JUDGES: JUDGE_READERS,
    ReportKind.MORE_LABELS: JUDGE_READERS,
}
_PAGES = {
    ReportKind.AGREEMENT: "annotation:show_agreement",
    ReportKind.JUDGES: "annotation:show_judge_quality",
    ReportKind.MORE_LABELS: "annotation:show_judge_quality",
}


@login_required
@never_cache
@require_safe
def show_agreement(request: HttpRequest, slug: str) -> HttpResponseBase:
    """How far raters agree, by the newest report."""
    project = load_project(request, slug, *AGREEMENT_READERS)
    state = queries.get_report_state(project, ReportKind.AGREEMENT)
    report = load(AgreementReport, state.latest.found) if state.latest else None
    projects = list_projects_with_role(account_of(request), AGREEMENT_READERS)
    by_project = queries.list_agreement_by_project(projects)
    context: dict[str, Any] = {"project": project, "state": state, "has_other_projects": len(by_project) > 1}
    tables: list[Any] = [build_project_agreement_table(by_project)]
    if report is not None:
        choice = choose_measure(AGREEMENT_MEASURES, request.GET)
        names = name_raters({rater for pair in report.pairs for rater in (pair.one, pair.other)})
        context |= {"page": describe_agreement(report, choice.chosen, names), "choice": choice}
        tables += [
            build_agreement_group_table(report),
            build_said_table(report),
            build_pair_table(report.pairs, names),
            build_disputed_table(project, report.disputed),
        ]
    return answer_tables(request, "quality/show_agreement.html", context, *tables)


@login_required
@never_cache
@require_safe
def show_judge_quality(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Every judge against people; one of them in full."""
    project = load_project(request, slug, *JUDGE_READERS)
    state = queries.get_report_state(project, ReportKind.JUDGES)
    more_state = queries.get_report_state(project, ReportKind.MORE_LABELS)
    context: dict[str, Any] = {"project": project, "state": state, "more_state": more_state}
    tables: list[Any] = []
    if more_state.latest:
        found = load(LabelValue, more_state.latest.found)
        context["more"] = describe_more_labels(found)
        tables.append(build_prospect_table(found))
    if state.latest:
        report = load(JudgesReport, state.latest.found)
        rows = list_judge_rows(report)
        choice = choose_measure(JUDGE_MEASURES, request.GET)
        judge = describe_judge(project, report, request.GET.get("judge", ""), choice.chosen)
        context |= {
            "report": report,
            "judge": judge,
            "choice": choice,
            "anchoring": draw_all_anchoring([(row.name, row.report.anchoring) for row in rows]),
        }
        tables.append(build_judge_table(project, rows))
        if judge is not None:
            tables.append(build_judge_group_table(judge.report.quality))
    return answer_tables(request, "quality/show_judge_quality.html", context, *tables)


@login_required
@never_cache
@require_safe
def watch_report(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """How a report under way stands; once it is done, htmx is told to load the page anew."""
    project, wanted = _load(request, slug, kind)
    state = queries.get_report_state(project, wanted)
    answer = render(request, "quality/report_state.html", {"project": project, "state": state})
    if state.under_way is None:
        answer["HX-Refresh"] = "true"
    return answer


@login_required
@require_POST
def request_report(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Has a report computed anew."""
    project, wanted = _load(request, slug, kind)
    try:
        quality_reports.request_report(
            project=project, kind=wanted, actor=account_of(request), now=timezone.now()
        )
    except (quality_reports.ReportAlreadyOpen, quality_reports.NothingToMeasure) as error:
        messages.info(request, str(error))
    return redirect_htmx(request, _PAGES[wanted], slug)


def _load(request: HttpRequest, slug: str, kind: str) -> tuple[Project, ReportKind]:
    """The project and the kind of report, if the person may read it. Members alone learn that there is no such kind."""
    wanted = ReportKind(kind) if kind in ReportKind.values else None
    project = load_project(request, slug, *(_READERS[wanted] if wanted else JUDGE_READERS))
    if wanted is None:
        raise Http404("There is no such report.")
    return project, wanted
