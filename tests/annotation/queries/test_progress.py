"""How far a project has got: counted on a small project by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

import pytest

from annotation.models import (
    AssignmentState,
    JobState,
    MergeRun,
    PauseReason,
    Priority,
    Project,
    Role,
    SelectedBy,
    Trace,
)
from annotation.queries.progress import get_progress, list_days
from annotation.queries.trace_counts import count_traces
from tests.factories import (
    NOW,
    make_appeal,
    make_assignment,
    make_batch,
    make_decision,
    make_disagreement,
    make_gold,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
SOON = NOW + dt.timedelta(minutes=1)


@pytest.fixture
def project() -> Project:
    return make_project(overlap=2)


def test_an_empty_project_has_nothing_of_anything(project: Project) -> None:
    found = asdict(get_progress(project, now=NOW))

    assert {name: value for name, value in found.items() if name not in {"pace", "overlap"} and value} == {}
    assert found["pace"]["done_on"] == NOW.date()


def test_the_funnel_counts_each_trace_where_it_stands(project: Project) -> None:
    make_prompt(project)  # nobody has answered it
    open_trace, half, whole, decided, gold, held = (
        make_trace(make_prompt(project), priority=priority, wants_ratings=priority > Priority.HELD)
        for priority in (*[Priority.USUAL] * 5, Priority.HELD)
    )
    make_trace(make_prompt(project), retired_at=NOW, wants_ratings=False)
    make_trace()  # of another project
    for trace in (half, whole, whole):
        make_rating(trace)
    make_decision(decided)
    make_gold(gold)
    make_judge_score(half)
    make_judge_score(half)
    make_assignment(open_trace, state=AssignmentState.LEASED)

    found = get_progress(project, now=SOON)

    assert (found.num_prompts, found.num_unasked) == (8, 2)
    assert (found.num_traces, found.num_judged, found.num_rated) == (6, 1, 2)
    assert found.num_whole == 3  # rated by two, decided, gold
    assert (found.num_decided, found.num_gold, found.num_held) == (1, 1, 1)
    assert found.num_missing == 2 + 1  # the held one is wanted by nobody
    assert found.num_leased == 1
    assert held.priority == Priority.HELD


def test_what_waits_for_people_is_counted(project: Project) -> None:
    rating = make_rating(make_trace(make_prompt(project)))
    make_disagreement(rating.trace)
    make_disagreement(make_trace(make_prompt(project)), is_open=False)
    make_appeal(make_decision(rating.trace), rating.rater)
    for reason in (PauseReason.ADMIN, PauseReason.GOLD):
        make_member(project).membership_set.update(paused_at=NOW, pause_reason=reason)
    make_member(project, is_active=False)

    found = get_progress(project, now=SOON)

    assert (found.num_disagreements, found.num_appeals) == (1, 1)
    assert (found.num_raters, found.num_paused_raters, found.num_paused_for_gold) == (1, 2, 1)


def test_what_a_merge_has_not_heard_is_unmerged(project: Project) -> None:
    early, late = make_trace(make_prompt(project)), make_trace(make_prompt(project))
    make_rating(early, submitted_at=NOW - DAY)
    make_rating(late, submitted_at=NOW + DAY)
    assert get_progress(project, now=SOON).num_unmerged == 2

    MergeRun.objects.create(
        project=project,
        created_by=make_member(project, Role.ADMIN),
        queued_at=NOW,
        touched_at=NOW,
        started_at=NOW,
        state=JobState.FINISHED,
        finished_at=NOW,
    )

    assert get_progress(project, now=SOON).num_unmerged == 1


def test_failures_of_the_last_week_are_counted(project: Project) -> None:
    for age in (1, 8):
        make_batch(project, state=JobState.FAILED, finished_at=NOW - age * DAY, error="Out of memory.")

    assert get_progress(project, now=NOW).num_failed_batches == 1


def test_the_pace_is_peoples_and_not_programs(project: Project) -> None:
    trace = make_trace(make_prompt(project))
    make_rating(trace, submitted_at=NOW - 2 * DAY)
    robot = make_member(project, is_simulated=True)
    make_rating(make_trace(make_prompt(project)), robot, submitted_at=NOW - 2 * DAY)

    assert get_progress(project, now=NOW).pace.a_day == pytest.approx(0.5)


def test_days_are_counted_in_utc_with_those_on_which_nothing_was_done(project: Project) -> None:
    rating = make_rating(make_trace(make_prompt(project)), submitted_at=NOW - 2 * DAY)
    make_rating(
        rating.trace, assignment=rating.assignment, revision=2, is_current=False, submitted_at=NOW
    )  # an amendment
    make_rating(rating.trace, make_member(project, is_simulated=True), submitted_at=NOW)
    make_decision(rating.trace, decided_at=NOW)
    make_rating(make_trace(make_prompt(project)), submitted_at=NOW - 40 * DAY)

    days = list_days(project, now=NOW, num_days=3)

    assert [(day.num_by_people, day.num_by_programs, day.num_decisions) for day in days] == [
        (1, 0, 0),
        (0, 0, 0),
        (0, 1, 1),
    ]
    assert days[-1].day == NOW.date()


def test_all_traces_and_ratings_are_counted_in_one_query(
    project: Project, django_assert_num_queries: Any
) -> None:
    """A page waits for it: with a query for each trace, 100,000 traces took three seconds."""
    for number in range(3):
        make_rating(make_trace(make_prompt(project)), submitted_at=NOW - number * DAY)

    with django_assert_num_queries(2):  # when the last merge began, and the counts
        counts = count_traces(project, now=NOW)

    assert (counts.num_traces, counts.num_rated, counts.num_recent) == (3, 3, 3)
    assert counts.first_at == NOW - 2 * DAY


def test_only_first_submissions_by_people_make_the_pace(project: Project) -> None:
    trace, rater = make_trace(make_prompt(project)), make_member(project)
    amended = make_rating(trace, rater, submitted_at=NOW - 9 * DAY, is_current=False)
    make_rating(
        trace,
        rater,
        assignment=amended.assignment,
        revision=2,
        submitted_at=NOW,
    )

    counts = count_traces(project, now=SOON)

    assert (counts.num_recent, counts.first_at) == (0, NOW - 9 * DAY)
    assert counts.num_missing == 1  # one rater of two, however often they amended


def test_what_simulated_raters_alone_rated_is_told_apart(project: Project) -> None:
    robot = make_member(project, is_simulated=True)
    alone, together = make_trace(make_prompt(project)), make_trace(make_prompt(project))
    for rater, trace in ((robot, alone), (robot, together), (make_member(project), together)):
        make_rating(trace, rater)

    counts = count_traces(project, now=SOON)

    assert (counts.num_rated, counts.num_rated_by_programs, counts.num_whole) == (2, 1, 1)


def test_another_project_and_replaced_traces_are_not_counted(project: Project) -> None:
    make_rating(make_trace())
    make_rating(make_trace(make_prompt(project), retired_at=NOW, wants_ratings=False))

    counts = count_traces(project, now=SOON)

    assert (counts.num_traces, counts.num_rated, counts.num_missing, counts.num_unmerged) == (0, 0, 0, 0)


def test_neither_gold_that_is_mixed_in_nor_a_replaced_trace_sets_the_pace(project: Project) -> None:
    """What is still wanted counts no gold; a pace that did would promise too early an end."""
    rater = make_member(project)
    gold, became_gold, replaced = (make_trace(make_prompt(project)) for _ in range(3))
    for trace, selected_by in (
        (gold, SelectedBy.GOLD),
        (became_gold, SelectedBy.NEED),  # rated in the queue, and decided as gold afterwards
        (replaced, SelectedBy.NEED),
    ):
        assignment = make_assignment(
            trace, rater, selected_by=selected_by, state=AssignmentState.SUBMITTED, ended_at=NOW
        )
        make_rating(trace, assignment=assignment)
    make_gold(gold)
    make_gold(became_gold)
    Trace.objects.filter(pk=replaced.pk).update(retired_at=NOW, wants_ratings=False)

    assert count_traces(project, now=SOON).num_recent == 1


def test_ratings_that_nobody_is_left_to_give_are_counted_apart(project: Project) -> None:
    """Overlap 2, and two people who may rate: what one of them skipped, and what somebody rated who has left."""
    first, second = make_member(project), make_member(project)
    untouched, skipped, left, half, whole = (make_trace(make_prompt(project)) for _ in range(5))
    make_assignment(skipped, first, state=AssignmentState.SKIPPED, ended_at=NOW)
    for trace, rater in (
        (left, make_member(project, is_active=False)),
        (half, first),
        (whole, first),
        (whole, second),
    ):
        make_rating(trace, rater)

    found = get_progress(project, now=SOON)

    assert found.num_missing == 2 + 2 + 1 + 1 + 0
    assert found.num_unreachable == 1  # of the skipped trace; what the one who left rated wants one of two
    assert untouched.wants_ratings


def test_an_overlap_beyond_the_raters_leaves_ratings_unreachable(project: Project) -> None:
    Project.objects.update(overlap=3)
    project.refresh_from_db()
    raters = [make_member(project) for _ in range(2)]
    rated, decided, held = (
        make_trace(make_prompt(project), priority=priority, wants_ratings=priority > Priority.HELD)
        for priority in (Priority.USUAL, Priority.USUAL, Priority.HELD)
    )
    make_decision(decided)
    for rater in raters:
        make_rating(rated, rater)

    found = get_progress(project, now=SOON)

    assert (found.num_missing, found.num_unreachable) == (1, 1)
    assert held.priority == Priority.HELD


def test_with_nobody_who_may_rate_everything_wanted_is_unreachable(project: Project) -> None:
    make_trace(make_prompt(project))
    make_member(project, is_simulated=True)

    found = get_progress(project, now=SOON)

    assert (found.num_raters, found.num_missing, found.num_unreachable) == (0, 2, 2)
