"""What is known of each rater: counted on a small project by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from annotation.models import (
    Account,
    Assignment,
    JobState,
    MergeRun,
    Project,
    QualificationAttempt,
    Role,
    SelectedBy,
)
from annotation.queries.raters import list_rater_facts
from tests.factories import (
    NOW,
    make_account,
    make_gold,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def ann(project: Project) -> Account:
    return make_member(project, username="ann")


def make_attempt(project: Project, rater: Account, number: int, **fields: Any) -> QualificationAttempt:
    return QualificationAttempt.objects.create(
        project=project,
        rater=rater,
        number=number,
        pass_mark=0.8,
        started_at=NOW,
        trace_ids=[1, 2, 3, 4, 5, 6],
        **fields,
    )


def test_every_rater_is_listed_by_user_name_and_nobody_else(project: Project, ann: Account) -> None:
    zoe = make_member(project, username="zoe", is_simulated=True)
    bob = make_member(project, username="bob")
    bob.membership_set.update(paused_at=NOW)
    make_member(project, Role.ADMIN, username="admin")
    make_member(make_project(), username="elsewhere")

    facts = list_rater_facts(project)

    assert [fact.account for fact in facts] == [ann, bob, zoe]
    assert facts[0].work.num_ratings == 0
    assert (facts[0].gold.rate, facts[0].reliability, facts[0].qualification) == (None, None, None)


def test_work_is_counted_over_current_ratings_of_this_project(project: Project, ann: Account) -> None:
    for seconds in (10, 20, 60):
        make_rating(
            make_trace(project=project), ann, active_seconds=seconds, submitted_at=NOW + seconds * HOUR
        )
    untimed = make_rating(make_trace(project=project), ann)  # sent without a script: no time was measured
    make_rating(
        untimed.trace, assignment=untimed.assignment, revision=2, is_current=False, active_seconds=999
    )
    make_rating(make_trace(), ann, active_seconds=999)

    [fact] = list_rater_facts(project)

    assert (fact.work.num_ratings, fact.work.active_seconds, fact.work.median_seconds) == (4, 90.0, 20.0)
    assert fact.work.last_at == NOW + 60 * HOUR


def test_gold_counts_what_was_handed_out_as_gold(project: Project, ann: Account) -> None:
    for labels, selected_by in (
        ((1, 1, 1), SelectedBy.GOLD),
        ((-1, None, None), SelectedBy.GOLD),
        ((1, 1, 1), SelectedBy.RANDOM),
    ):
        rating = make_rating(make_trace(project=project), ann, labels)
        Assignment.objects.filter(pk=rating.assignment_id).update(selected_by=selected_by)
        make_gold(rating.trace)

    [fact] = list_rater_facts(project)

    assert (fact.gold.num_right, fact.gold.num_seen) == (1, 2)


def test_reliability_is_that_of_the_last_finished_merge(project: Project, ann: Account) -> None:
    def merge(sensitivity: float, **fields: Any) -> None:
        row = {
            "rater": str(ann.pk),
            "sensitivity": sensitivity,
            "sensitivity_interval": [0.4, 0.9],
            "specificity": 0.95,
            "specificity_interval": [0.9, 0.99],
        }
        MergeRun.objects.create(
            project=project,
            created_by=ann,
            touched_at=NOW,
            diagnostics={"people": {"raters": [row]}},
            **fields,
        )

    merge(0.5, queued_at=NOW, state=JobState.FINISHED, finished_at=NOW)
    merge(0.7, queued_at=NOW + HOUR, state=JobState.FINISHED, finished_at=NOW)
    merge(0.9, queued_at=NOW + 2 * HOUR, state=JobState.FAILED, finished_at=NOW)

    [fact] = list_rater_facts(project)

    assert fact.reliability is not None
    assert fact.reliability.sensitivity == 0.7
    assert fact.reliability.sensitivity_interval == (0.4, 0.9)


def test_a_merge_without_people_knows_no_reliability(project: Project, ann: Account) -> None:
    MergeRun.objects.create(
        project=project,
        created_by=ann,
        queued_at=NOW,
        touched_at=NOW,
        state=JobState.FINISHED,
        finished_at=NOW,
        diagnostics={"people": None},
    )

    assert [fact.reliability for fact in list_rater_facts(project)] == [None]


def test_the_attempt_that_was_passed_counts_else_the_latest(project: Project, ann: Account) -> None:
    bob = make_member(project, username="bob")
    make_attempt(project, ann, 1, finished_at=NOW, num_right=5, has_passed=True)
    make_attempt(project, ann, 2, finished_at=NOW, num_right=1, has_passed=False)
    make_attempt(project, bob, 1, finished_at=NOW, num_right=1, has_passed=False)
    make_attempt(project, bob, 2)
    make_attempt(make_project(), ann, 1)

    by_rater = {fact.account: fact.qualification for fact in list_rater_facts(project)}

    assert by_rater[ann] is not None
    assert by_rater[ann].number == 1
    assert by_rater[bob] is not None
    assert by_rater[bob].number == 2
    assert make_account() not in by_rater
