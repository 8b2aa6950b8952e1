"""The overview of those who run a project: the funnel in words, what is stuck and where it can be set going."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Role
from annotation.queries.progress import Day
from annotation.views.progress import draw_days, draw_progress
from tests.annotation.views.progress_worlds import EVERYTHING_WELL
from tests.annotation.views.roles import make_visitor
from tests.factories import (
    NOW,
    make_disagreement,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)


def test_the_funnel_says_in_words_what_it_draws() -> None:
    chart = draw_progress(replace(EVERYTHING_WELL, num_rated=30, num_whole=20, num_unasked=2))

    assert chart.description == (
        "10 prompts, 40 traces, 40 judged, 30 rated of which 20 fully, 3 decided, 38 in an export."
    )
    rows = {row[0]: row[1:] for row in chart.table.rows}
    assert rows["Rated"][:2] == ("20", "10")
    assert rows["Prompts"][-1] == "2 without a trace"
    assert rows["Rated"][-1] == "20 not fully rated"


def test_the_chart_of_days_begins_with_the_first_busy_one_and_has_a_week_at_least() -> None:
    start = NOW.date()
    days = [Day(start + dt.timedelta(days=number), 0, 0, 0) for number in range(30)]
    assert len(draw_days(days).table.rows) == 7

    days[10] = replace(days[10], num_decisions=1)

    chart = draw_days(days)
    assert len(chart.table.rows) == 20
    assert chart.description == "In the last 20 days people gave 0 ratings, and 1 decisions were made."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("visitor", "sees"),
    [("rater", False), ("adjudicator", True), ("engineer", True), ("admin", True), ("site admin", True)],
)
def test_how_far_it_has_got_is_for_those_who_run_the_project(visitor: str, sees: bool) -> None:
    project = make_project()
    make_disagreement(make_rating(make_trace(make_prompt(project))).trace)

    page = make_visitor(visitor, project).client.get(reverse("annotation:show_project", args=[project.slug]))

    assert page.status_code == 200
    assert ("From prompts to exports" in page.text) is sees
    assert ("What is stuck" in page.text) is sees


@pytest.mark.django_db
def test_the_days_come_as_csv_and_not_for_raters() -> None:
    project = make_project(slug="sums")
    address = reverse("annotation:show_project", args=[project.slug])
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    answer = client.get(address, {"csv": "days"})
    rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    client.force_login(make_member(project))
    for_rater = client.get(address, {"csv": "days"})

    assert rows[0].endswith("day,ratings,simulated,decisions")
    assert len(rows) == 31
    assert not for_rater.streaming
