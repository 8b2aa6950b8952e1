"""A rater's own page: what waits, what was done today, and accuracy on gold only where the project shares it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    Choice,
    Comparison,
    GoldUse,
    Membership,
    PauseReason,
    Project,
    Role,
    SelectedBy,
)
from annotation.queries import my_work
from annotation.queries.my_work import ProjectWork, get_my_work
from tests.annotation.practice_worlds import make_practice_project
from tests.annotation.views.test_ratings import client_of
from tests.factories import (
    NOW,
    make_account,
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
URL = reverse("annotation:my_work")


def work_of(rater: Account, project: Project) -> ProjectWork:
    found = get_my_work(rater, now=NOW)
    return next(item for item in found.projects if item.project == project)


def rate(
    project: Project, rater: Account, *, at: dt.datetime = NOW, seconds: float = 30.0, **fields: object
) -> Assignment:
    trace = make_trace(project=project)
    assignment = make_assignment(trace, rater, state=AssignmentState.SUBMITTED, ended_at=at, **fields)
    make_rating(trace, assignment=assignment, active_seconds=seconds, submitted_at=at)
    return assignment


def test_nobody_in_particular_signs_in_first(client: Client) -> None:
    assert client.get(URL).status_code == 302


def test_what_waits_is_what_the_rater_could_be_handed() -> None:
    project = make_project(overlap=2)
    rater = make_member(project)
    make_trace(project=project)
    make_trace(project=project, wants_ratings=False)
    make_assignment(make_trace(project=project), rater, state=AssignmentState.SKIPPED, ended_at=NOW)
    make_trace(project=make_project())

    assert work_of(rater, project).num_waiting == 1


def test_ones_own_prompts_do_not_wait_where_the_project_forbids_them() -> None:
    project = make_project(forbids_own_prompts=True)
    rater = make_member(project)
    make_trace(make_prompt(project, created_by=rater))
    make_trace(make_prompt(project, created_by=make_account()))

    assert work_of(rater, project).num_waiting == 1


@pytest.mark.parametrize("had_before", [AssignmentState.SUBMITTED, AssignmentState.SKIPPED, None])
def test_what_waits_falls_by_one_whether_gold_came_or_another(had_before: AssignmentState | None) -> None:
    project = make_project(overlap=2, gold_share=0.5)
    rater = make_member(project)
    ordinary = [make_trace(project=project) for _ in range(3)]
    gold = [make_trace(project=project, wants_ratings=False) for _ in range(3)]
    for trace in gold:
        make_gold(trace)
    if had_before:
        make_assignment(gold.pop(), rater, state=had_before, ended_at=NOW)
    before = work_of(rater, project).num_waiting

    make_assignment(gold[0], rater)
    after_gold = work_of(rater, project).num_waiting
    make_assignment(ordinary[0], rater)
    after_ordinary = work_of(rater, project).num_waiting

    assert (before - after_gold, after_gold - after_ordinary) == (1, 1)


def test_gold_alone_is_no_work() -> None:
    project = make_project(gold_share=0.5)
    rater = make_member(project)
    make_gold(make_trace(project=project, wants_ratings=False))

    assert work_of(rater, project).num_waiting == 0


def test_gold_that_no_rater_is_handed_does_not_wait() -> None:
    project = make_project(gold_share=0.5)
    rater = make_member(project)
    make_trace(project=project)
    make_gold(make_trace(project=project, wants_ratings=False), use=GoldUse.TEST)
    make_gold(make_trace(project=project, wants_ratings=False, priority=0))
    make_gold(make_trace(project=project, wants_ratings=False, retired_at=NOW))

    assert work_of(rater, project).num_waiting == 1


def test_counting_stops_where_nobody_needs_to_know_it_more_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(my_work, "MOST_COUNTED", 2)
    project = make_project()
    rater = make_member(project)
    for _ in range(3):
        make_trace(project=project)

    found = work_of(rater, project)

    assert (found.num_waiting, found.is_more_waiting) == (2, True)


def test_drafts_and_open_leases_are_begun_and_what_was_fetched_ahead_is_not() -> None:
    project = make_project()
    rater = make_member(project)
    make_assignment(make_trace(project=project), rater)
    make_assignment(make_trace(project=project), rater, is_ahead=True)
    returned = {"state": AssignmentState.RETURNED, "ended_at": NOW}
    make_assignment(make_trace(project=project), rater, draft_saved_at=NOW, **returned)
    make_assignment(make_trace(project=project), rater, **returned)

    assert work_of(rater, project).num_begun == 2


def test_today_counts_traces_comparisons_and_active_time() -> None:
    project = make_project()
    rater = make_member(project)
    rate(project, rater, seconds=30.0)
    rate(project, rater, seconds=45.0)
    rate(project, rater, at=NOW - dt.timedelta(days=1), seconds=500.0)
    rate(project, make_member(project), seconds=900.0)
    prompt = make_prompt(project)
    first, second = make_trace(prompt), make_trace(prompt)
    Comparison.objects.create(
        prompt=prompt,
        trace_a=first,
        trace_b=second,
        rater=rater,
        choice=Choice.A,
        is_swapped=False,
        submitted_at=NOW,
    )

    found = work_of(rater, project)

    assert (found.num_traces, found.num_comparisons, found.active_seconds) == (2, 1, 75.0)


def test_an_amended_rating_counts_once() -> None:
    project = make_project()
    rater = make_member(project)
    assignment = rate(project, rater, seconds=30.0)
    assignment.ratings.update(is_current=False)
    make_rating(assignment.trace, assignment=assignment, revision=2, active_seconds=40.0)

    found = work_of(rater, project)

    assert (found.num_traces, found.active_seconds) == (1, 40.0)


def test_the_last_days_are_listed_latest_first() -> None:
    project, other = make_project(), make_project()
    rater = make_member(project)
    Membership.objects.create(project=other, account=rater, role=Role.RATER, created_at=NOW)
    rate(project, rater, seconds=10.0)
    rate(other, rater, at=NOW - dt.timedelta(days=2), seconds=20.0)
    rate(other, rater, at=NOW - dt.timedelta(days=30), seconds=99.0)

    days = get_my_work(rater, now=NOW).days

    assert [(day.day, day.num_traces, day.active_seconds) for day in days] == [
        (dt.date(2026, 3, 1), 1, 10.0),
        (dt.date(2026, 2, 27), 1, 20.0),
    ]


@pytest.mark.parametrize("is_shared", [True, False])
def test_accuracy_on_gold_shows_where_the_admin_shares_it(is_shared: bool) -> None:
    project = make_project(shows_gold_accuracy=is_shared)
    rater = make_member(project)
    for labels in ((1, 1, 1), (1, 1, 1), (1, -1, None)):
        trace = make_trace(project=project)
        make_gold(trace)
        assignment = make_assignment(
            trace, rater, state=AssignmentState.SUBMITTED, ended_at=NOW, selected_by=SelectedBy.GOLD
        )
        make_rating(trace, labels=labels, assignment=assignment)

    body = client_of(rater).get(URL).content.decode()

    assert ("2 of 3: 67 %" in body) is is_shared
    assert ("Accuracy on known traces" in body) is is_shared


def test_shared_accuracy_without_gold_yet_says_so() -> None:
    project = make_project(shows_gold_accuracy=True)

    body = client_of(make_member(project)).get(URL).content.decode()

    assert "none rated yet" in body


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (PauseReason.GOLD, "too many of your latest answers on known traces were wrong"),
        (PauseReason.ADMIN, "An admin has paused you here."),
    ],
)
def test_who_is_paused_reads_why_and_is_offered_no_work(reason: PauseReason, sentence: str) -> None:
    project = make_project(name="Sums")
    rater = make_member(project)
    make_trace(project=project)
    Membership.objects.update(paused_at=NOW, pause_reason=reason)

    body = client_of(rater).get(URL).content.decode()

    assert "Sums" in body
    assert sentence in body
    assert reverse("annotation:next_trace", args=[project.slug]) not in body


def test_who_has_not_passed_is_led_to_the_test() -> None:
    project, rater = make_practice_project(num_test=2)
    make_trace(project=project)

    body = client_of(rater).get(URL).content.decode()

    assert "Take the test" in body


def test_only_projects_in_which_one_rates_are_listed() -> None:
    rated, run, archived = make_project(name="Rated"), make_project(name="Run"), make_project(name="Gone")
    rater = make_member(rated)
    Membership.objects.create(project=run, account=rater, role=Role.ADMIN, created_at=NOW)
    Membership.objects.create(project=archived, account=rater, role=Role.RATER, created_at=NOW)
    Project.objects.filter(pk=archived.pk).update(archived_at=NOW)

    names = [item.project.name for item in get_my_work(rater, now=timezone.now()).projects]

    assert names == ["Rated"]


def test_somebody_who_rates_nowhere_is_told_what_to_do() -> None:
    body = client_of(make_account()).get(URL).content.decode()

    assert "You rate in no project." in body


def test_who_has_no_attempt_left_is_told_whom_to_ask() -> None:
    project, rater = make_practice_project(num_test=2)
    make_trace(project=project)
    for number in range(1, project.qualification_attempts + 1):
        make_attempt(project, rater, number=number, finished_at=NOW, num_right=0, has_passed=False)

    body = client_of(rater).get(URL).content.decode()

    assert "You have taken the test as often as this project allows. Ask one of its admins." in body
    assert "Take the test" not in body
