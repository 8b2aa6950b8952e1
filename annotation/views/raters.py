"""One rater of a project, for its admins: how well they rate and since when, how long they sat, and pausing them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.charts.axes import Axis
from annotation.charts.drawing import Chart
from annotation.charts.lines import Point, Series, draw_lines
from annotation.models import Project, QualificationAttempt, Role
from annotation.queries.gold import WeekAccuracy, list_gold_accuracy_by_week
from annotation.queries.pauses import describe_pause
from annotation.queries.raters import RaterFacts, list_rater_facts
from annotation.queries.sessions import list_sessions
from annotation.tables.people import say_qualification
from annotation.tables.sessions import build_session_table
from annotation.templatetags.rendering import as_duration, as_percent
from annotation.views.access import load_project
from annotation.views.figures import Figure, count
from annotation.views.tables import answer_tables


@login_required
@never_cache
@require_safe
def show_rater(request: HttpRequest, slug: str, account_id: int) -> HttpResponseBase:
    project = load_project(request, slug, Role.ADMIN)
    facts = _get_facts(project, account_id)
    attempts = QualificationAttempt.objects.filter(project=project, rater=account_id).order_by("pk")
    context = {
        "project": project,
        "rater": facts,
        "figures": _list_figures(facts),
        "gold_by_week": _draw_gold_by_week(project, list_gold_accuracy_by_week(project, facts.account)),
        "attempts": [(attempt, say_qualification(attempt)) for attempt in attempts],
        "pause": describe_pause(facts.membership),
    }
    sessions = build_session_table(list_sessions(project, facts.account))
    return answer_tables(request, "people/show_rater.html", context, sessions)


def _get_facts(project: Project, account_id: int) -> RaterFacts:
    """Raises Http404 for whoever is no rater here."""
    for facts in list_rater_facts(project):
        if facts.account.pk == account_id:
            return facts
    raise Http404("There is no such rater in this project.")


def _list_figures(facts: RaterFacts) -> list[Figure]:
    work, gold, reliability = facts.work, facts.gold, facts.reliability
    figures = [
        Figure("Ratings", f"{work.num_ratings:,}", "", "amended ones once"),
        Figure("Active time", as_duration(work.active_seconds), "", "gaps over a minute left out"),
        Figure(
            "Median a trace",
            "–" if work.median_seconds is None else as_duration(work.median_seconds),
            "",
            "says nothing of how well",
        ),
        Figure(
            "Right on gold",
            as_percent(gold.rate),
            "" if gold.rate is None else _say_interval((gold.low, gold.high)),
            count(gold.num_seen, "gold trace") if gold.num_seen else "none rated yet",
        ),
    ]
    if reliability is None:
        waits = "no merge has heard them yet"
        return [*figures, Figure("Sensitivity", "–", "", waits), Figure("Specificity", "–", "", waits)]
    return [
        *figures,
        Figure(
            "Sensitivity",
            as_percent(reliability.sensitivity),
            _say_interval(reliability.sensitivity_interval),
            "errors they call bad",
        ),
        Figure(
            "Specificity",
            as_percent(reliability.specificity),
            _say_interval(reliability.specificity_interval),
            "standing steps they don’t",
        ),
    ]


def _say_interval(ends: tuple[float | None, float | None]) -> str:
    return f"{as_percent(ends[0])} to {as_percent(ends[1])}"


def _draw_gold_by_week(project: Project, weeks: list[WeekAccuracy]) -> Chart | None:
    """None before they rated any gold. The dashed line is the threshold below which the project pauses a rater."""
    points = tuple(
        Point(
            week.monday.toordinal(),
            week.accuracy.rate,
            week.accuracy.low,
            week.accuracy.high,
            count(week.accuracy.num_seen, "gold trace"),
        )
        for week in weeks
        if week.accuracy.rate is not None
    )
    if not points:
        return None
    threshold = project.gold_threshold
    line = (
        "" if threshold is None else f" The dashed line is the project’s threshold, {as_percent(threshold)}."
    )
    return draw_lines(
        [Series("Right on gold", points)],
        key="gold-by-week",
        title="Right on gold, by week",
        description=f"The share of gold traces they rated right, with 95 % intervals, in {count(len(points), 'week')}."
        + line,
        x=Axis("Week from", kind="date"),
        y=Axis("Right on gold, 95 % interval", 0.0, 1.0, "percent"),
        digits=0,
        reference=threshold,
    )
