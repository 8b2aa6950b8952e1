"""A rater's sittings, told from when they were handed traces and submitted them."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import Account, AssignmentState, Project
from annotation.queries.sessions import Session, list_sessions
from tests.factories import (
    NOW,
    make_assignment,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


def rate(
    project: Project, rater: Account, *, leased: float, ended: float, active_seconds: float = 30.0
) -> None:
    """At these minutes after NOW."""
    trace = make_trace(make_prompt(project))
    assignment = make_assignment(
        trace,
        rater,
        state=AssignmentState.SUBMITTED,
        leased_at=NOW + leased * MINUTE,
        ended_at=NOW + ended * MINUTE,
    )
    make_rating(trace, assignment=assignment, active_seconds=active_seconds)


def test_a_pause_of_over_half_an_hour_ends_a_session() -> None:
    project = make_project()
    rater = make_member(project)
    for leased, ended in ((0, 2), (2, 5), (5, 35), (36, 65.1), (60, 70)):
        rate(project, rater, leased=leased, ended=ended)

    assert list_sessions(project, rater) == [
        Session(NOW, NOW + 35 * MINUTE, 3, 90.0),
        Session(NOW + 36 * MINUTE, NOW + 70 * MINUTE, 2, 60.0),
    ]


def test_a_trace_left_lying_over_night_does_not_make_the_night_work() -> None:
    project = make_project()
    rater = make_member(project)
    rate(project, rater, leased=0, ended=600)

    assert list_sessions(project, rater) == [Session(NOW + 600 * MINUTE, NOW + 600 * MINUTE, 1, 30.0)]


def test_only_this_raters_work_in_this_project_counts() -> None:
    project, other = make_project(), make_project()
    rater = make_member(project)
    rate(project, make_member(project), leased=0, ended=1)
    rate(other, rater, leased=0, ended=1)

    assert list_sessions(project, rater) == []
