"""Raters' accuracy on gold, as the database counts it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.models import Account, AssignmentState, Outcome, Project, Rating, SelectedBy
from annotation.queries.gold import (
    get_gold_accuracy,
    get_pooled_gold_accuracy,
    get_recent_gold_accuracy,
    list_gold_accuracies,
    list_gold_accuracy_by_week,
)
from annotation.rules.gold_accuracy import gold_accuracy, is_right
from tests.factories import (
    NOW,
    make_assignment,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db

RIGHT, WRONG = (1, -1, None), (1, 1, 1)


@pytest.fixture
def project() -> Project:
    return make_project()


def rate_gold(
    project: Project,
    rater: Account,
    labels: Sequence[int | None] = RIGHT,
    *,
    at: dt.datetime = NOW,
    stands: Sequence[bool] = (True, False, False),
    selected_by: SelectedBy = SelectedBy.GOLD,
    **fields: object,
) -> Rating:
    """A rating of a new gold trace whose second step is its first error."""
    trace = make_trace(make_prompt(project), wants_ratings=False)
    make_gold(trace, stands)
    assignment = make_assignment(
        trace, rater, state=AssignmentState.SUBMITTED, ended_at=at, selected_by=selected_by
    )
    return make_rating(trace, labels=labels, assignment=assignment, submitted_at=at, **fields)


def test_a_raters_accuracy_counts_their_gold_in_this_project(project: Project) -> None:
    rater = make_member(project)
    for labels in (RIGHT, RIGHT, WRONG):
        rate_gold(project, rater, labels)
    rate_gold(project, make_member(project), WRONG)
    rate_gold(make_project(), rater, WRONG)
    make_rating(make_trace(make_prompt(project)), rater, WRONG)  # no gold

    assert get_gold_accuracy(project, rater) == gold_accuracy(num_right=2, num_seen=3)


def test_who_has_rated_no_gold_has_no_accuracy(project: Project) -> None:
    assert get_gold_accuracy(project, make_member(project)) == gold_accuracy(num_right=0, num_seen=0)
    assert list_gold_accuracies(project) == {}


def test_every_raters_accuracy_comes_in_one_query(
    project: Project, django_assert_num_queries: object
) -> None:
    first, second = make_member(project), make_member(project)
    rate_gold(project, first, RIGHT)
    rate_gold(project, second, WRONG)
    rate_gold(project, second, RIGHT)

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = list_gold_accuracies(project)

    assert found == {
        first.pk: gold_accuracy(num_right=1, num_seen=1),
        second.pk: gold_accuracy(num_right=1, num_seen=2),
    }
    assert get_pooled_gold_accuracy(project) == gold_accuracy(num_right=2, num_seen=3)


def test_a_trace_that_became_gold_after_it_was_handed_out_does_not_count(project: Project) -> None:
    rater = make_member(project)
    rate_gold(project, rater, WRONG, selected_by=SelectedBy.NEED)

    assert get_gold_accuracy(project, rater).num_seen == 0


def test_a_give_up_is_left_out_and_a_bad_problem_is_wrong(project: Project) -> None:
    rater = make_member(project)
    nothing = (None, None, None)
    all_stand = (True, True, True)  # where no label is bad either
    rate_gold(project, rater, nothing, outcome=Outcome.GIVE_UP, reason="too hard", stands=all_stand)
    rate_gold(project, rater, nothing, outcome=Outcome.BAD_PROBLEM, reason="typo", stands=all_stand)

    assert get_gold_accuracy(project, rater) == gold_accuracy(num_right=0, num_seen=1)


def test_only_the_last_revision_counts(project: Project) -> None:
    rater = make_member(project)
    first = rate_gold(project, rater, WRONG)
    Rating.objects.filter(pk=first.pk).update(is_current=False)
    make_rating(first.trace, labels=RIGHT, assignment=first.assignment, revision=2)

    assert get_gold_accuracy(project, rater) == gold_accuracy(num_right=1, num_seen=1)


def test_the_latest_gold_is_what_was_submitted_last(project: Project) -> None:
    rater = make_member(project)
    for day, labels in enumerate((WRONG, WRONG, RIGHT, RIGHT, WRONG)):
        rate_gold(project, rater, labels, at=NOW + dt.timedelta(days=day))

    latest = get_recent_gold_accuracy(project, rater, num_latest=3)
    since = get_recent_gold_accuracy(project, rater, num_latest=3, since=NOW + dt.timedelta(days=3))

    assert latest == gold_accuracy(num_right=2, num_seen=3)
    assert since == gold_accuracy(num_right=0, num_seen=1)


def test_accuracy_by_week_begins_on_mondays_and_leaves_out_weeks_without_gold(project: Project) -> None:
    rater, other = make_member(project), make_member(project)
    sunday = dt.datetime(2026, 3, 1, 23, 59, tzinfo=dt.UTC)
    rate_gold(project, rater, WRONG, at=sunday)
    rate_gold(project, rater, RIGHT, at=sunday + dt.timedelta(minutes=2))
    rate_gold(project, rater, RIGHT, at=sunday + dt.timedelta(days=15))
    rate_gold(project, other, RIGHT, at=sunday)

    weeks = list_gold_accuracy_by_week(project, rater)
    pooled = list_gold_accuracy_by_week(project)

    assert [week.monday for week in weeks] == [
        dt.date(2026, 2, 23),
        dt.date(2026, 3, 2),
        dt.date(2026, 3, 16),
    ]
    assert [week.accuracy.num_right for week in weeks] == [0, 1, 1]
    assert pooled[0].accuracy == gold_accuracy(num_right=1, num_seen=2)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(st.sampled_from([-1, 0, 1, None]), min_size=3, max_size=3),
    stands=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_the_database_calls_right_what_the_rule_calls_right(
    labels: list[int | None], stands: list[bool]
) -> None:
    project = make_project()
    rater = make_member(project)
    rate_gold(project, rater, labels, stands=stands)

    assert get_gold_accuracy(project, rater).num_right == int(is_right(labels, stands))
