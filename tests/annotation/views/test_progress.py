"""The overview of those who run a project: the funnel in words, what is stuck and where it can be set going."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Role
from annotation.queries.progress import Day, Progress
from annotation.rules.pace import Pace
from annotation.views.progress import draw_days, draw_progress, list_stuck
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

EVERYTHING_WELL = Progress(
    num_prompts=10, num_unasked=0, num_traces=40, num_judged=40, num_rated=40, num_whole=40, num_decided=3,
    num_exported=38, num_gold=2, num_held=0, num_missing=0, num_leased=0, num_disagreements=0, num_appeals=0,
    num_raters=4, num_paused_raters=0, num_unmerged=0, num_failed_batches=0, num_failed_judge_runs=0,
    num_failed_merges=0, pace=Pace(12.5, 0.0, NOW.date()),
)  # fmt: skip
ADMIN = frozenset({Role.ADMIN})


def stuck(roles: frozenset[Role] = ADMIN, **changes: Any) -> list[tuple[str, str]]:
    return [(row.why, row.action) for row in list_stuck(replace(EVERYTHING_WELL, **changes), roles)]


def test_where_everything_goes_on_nothing_is_stuck() -> None:
    assert stuck() == []


@pytest.mark.parametrize(
    ("changes", "why", "action"),
    [
        ({"num_unasked": 2}, "No batch has had a model answer them yet.", "Launch a batch"),
        ({"num_judged": 30}, "No judge has scored them.", "Run a judge"),
        ({"num_failed_batches": 1}, "They failed within the last week", "Look at them"),
        ({"num_failed_judge_runs": 1}, "They failed within the last week", "Look at them"),
        ({"num_failed_merges": 1}, "They failed within the last week", "Look at them"),
        ({"num_missing": 5, "num_raters": 0}, "no rater is active", "Invite raters"),
        ({"num_missing": 5, "num_raters": 0, "num_paused_raters": 3}, "3 are paused", "Invite raters"),
        ({"num_missing": 5, "pace": Pace(0.0, None, None)}, "nobody has rated for a week", "See who rates"),
        ({"num_held": 7}, "held back", "See the prompts"),
        ({"num_disagreements": 4}, "in different places", "Review them"),
        ({"num_appeals": 1}, "wait for an answer", "Answer them"),
        ({"num_unmerged": 9}, "rated since the last merge", "Merge"),
    ],
)
def test_what_is_stuck_says_why_and_where_to_go(changes: dict[str, Any], why: str, action: str) -> None:
    [(told, offered)] = stuck(**changes)

    assert why in told
    assert offered == action


def test_nobody_is_sent_to_a_page_they_may_not_open() -> None:
    changes = {"num_unasked": 1, "num_disagreements": 1, "num_missing": 1, "num_raters": 0}

    assert [action for _, action in stuck(frozenset({Role.ADJUDICATOR}), **changes)] == ["Review them"]
    assert [action for _, action in stuck(frozenset({Role.ENGINEER}), **changes)] == ["Launch a batch"]
    assert stuck(frozenset({Role.RATER}), **changes) == []


def test_ratings_that_are_wanted_and_come_in_are_not_stuck() -> None:
    assert stuck(num_missing=5) == []


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
