"""The page of one rater: who sees it, what it says of them, and pausing them there."""

from __future__ import annotations

import csv
import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import (
    Account,
    AssignmentState,
    JobState,
    Membership,
    MergeRun,
    PauseReason,
    Project,
    Role,
    SelectedBy,
)
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_assignment,
    make_attempt,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
WEEK = dt.timedelta(days=7)
ALLOWED = {"admin", "site admin"}


def url_of(project: Project, rater: Account) -> str:
    return reverse("annotation:show_rater", args=[project.slug, rater.pk])


def open_as_admin(project: Project, rater: Account) -> tuple[Client, str]:
    client = make_visitor("admin", project).client
    answer = client.get(url_of(project, rater))
    assert answer.status_code == 200
    return client, answer.content.decode()


def rate_gold(project: Project, rater: Account, *, is_right: bool, weeks_later: int) -> None:
    at = NOW + weeks_later * WEEK
    trace = make_trace(make_prompt(project))
    make_gold(trace)
    assignment = make_assignment(
        trace,
        rater,
        selected_by=SelectedBy.GOLD,
        state=AssignmentState.SUBMITTED,
        leased_at=at,
        ended_at=at,
    )
    labels = (1, 1, 1) if is_right else (-1, None, None)
    make_rating(trace, assignment=assignment, labels=labels, submitted_at=at, active_seconds=65.0)


def merge_with(project: Project, rater: Account) -> None:
    said = {
        "rater": rater.pk,
        "sensitivity": 0.81,
        "sensitivity_interval": [0.7, 0.9],
        "specificity": 0.93,
        "specificity_interval": [0.88, 0.97],
    }
    MergeRun.objects.create(
        project=project,
        created_by=rater,
        state=JobState.FINISHED,
        queued_at=NOW,
        started_at=NOW,
        touched_at=NOW,
        finished_at=NOW,
        diagnostics={"people": {"raters": [said]}},
    )


@pytest.mark.parametrize("kind", VISITORS)
def test_only_admins_look_at_a_rater(kind: str) -> None:
    project = make_project()
    visitor = make_visitor(kind, project)
    rater = make_member(project)

    status = visitor.client.get(url_of(project, rater)).status_code

    if kind in ALLOWED:
        assert status == 200
    else:
        assert status in (302, 403, 404)


def test_it_says_how_well_they_rate_with_intervals_week_by_week() -> None:
    project = make_project(gold_threshold=0.6)
    rater = make_member(project, display_name="Kofi <b>")
    for weeks_later, is_right in ((0, True), (0, False), (2, True)):
        rate_gold(project, rater, is_right=is_right, weeks_later=weeks_later)
    merge_with(project, rater)
    make_attempt(
        project, rater, number=1, has_passed=True, finished_at=NOW, num_right=5, trace_ids=[1, 2, 3, 4, 5, 6]
    )

    _, page = open_as_admin(project, rater)

    assert "Kofi &lt;b&gt;" in page
    assert "3 gold traces" in page
    assert "70 % to 90 %" in page
    assert "88 % to 97 %" in page
    assert "passed, 5 of 6" in page
    assert 'id="gold-by-week-title"' in page
    assert "in 2 weeks. The dashed line is the project’s threshold, 60 %." in page
    assert "3 min 15 s" in page


def test_who_has_done_nothing_yet_has_no_made_up_figures() -> None:
    project = make_project(gold_share=0.0)
    rater = make_member(project, is_simulated=True)

    _, page = open_as_admin(project, rater)

    assert "They have rated no gold yet; this project mixes none in." in page
    assert "no merge has heard them yet" in page
    assert "They have not rated in this project yet." in page
    assert "simulated: a program draws its ratings" in page
    assert "<figure" not in page


def test_sessions_page_and_export() -> None:
    project = make_project()
    rater = make_member(project)
    for weeks_later in range(3):
        rate_gold(project, rater, is_right=True, weeks_later=weeks_later)
    client, _ = open_as_admin(project, rater)

    answer = client.get(url_of(project, rater), {"csv": "sessions"})

    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["traces"] for row in rows] == ["1", "1", "1"]
    assert rows[0]["began"] > rows[2]["began"]


def test_pausing_and_resuming_there_leads_back_there() -> None:
    project = make_project()
    rater = make_member(project)
    client, page = open_as_admin(project, rater)
    membership = Membership.objects.get(account=rater)
    pause = reverse("annotation:pause_membership", args=[project.slug, membership.pk])
    resume = reverse("annotation:resume_membership", args=[project.slug, membership.pk])
    assert f'action="{pause}"' in page

    answer = client.post(pause, {"back": "rater"}, follow=True)

    assert answer.redirect_chain == [(url_of(project, rater), 302)]
    assert "They are handed nothing until an admin resumes them" in answer.content.decode()
    assert f'action="{resume}"' in answer.content.decode()
    client.post(resume, {"back": "rater"})
    membership.refresh_from_db()
    assert membership.paused_at is None


def test_a_pause_for_gold_says_by_how_much() -> None:
    project = make_project(gold_threshold=0.8, gold_window=2)
    rater = make_member(project)
    for is_right in (True, False):
        rate_gold(project, rater, is_right=is_right, weeks_later=0)
    Membership.objects.filter(account=rater).update(paused_at=NOW, pause_reason=PauseReason.GOLD)

    _, page = open_as_admin(project, rater)

    assert "of the last 2 gold traces 1 right, below the project’s threshold of 80 %" in page


def test_somebody_who_does_not_rate_here_is_not_found() -> None:
    project, other = make_project(), make_project()
    client = make_visitor("admin", project).client

    for account in (make_member(other), make_member(project, Role.ENGINEER)):
        assert client.get(url_of(project, account)).status_code == 404


def test_the_table_of_raters_leads_there() -> None:
    project = make_project()
    rater = make_member(project)
    client = make_visitor("admin", project).client

    page = client.get(reverse("annotation:list_people", args=[project.slug])).content.decode()

    assert f'href="{url_of(project, rater)}"' in page
