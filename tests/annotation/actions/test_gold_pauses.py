"""A rater whose accuracy on gold falls below the project's threshold is paused, and can be resumed."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest

from annotation.actions import ratings
from annotation.actions.people import pause_membership, resume_membership
from annotation.models import (
    Account,
    AuditEvent,
    Membership,
    PauseReason,
    Project,
    Role,
    SelectedBy,
)
from annotation.queries.pauses import find_pause, list_pauses
from annotation.rules.gold_accuracy import gold_accuracy
from annotation.rules.rating import Labels
from tests.factories import (
    NOW,
    make_assignment,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db

RIGHT, WRONG = (1, -1, None), (1, 1, 1)


@pytest.fixture
def project() -> Project:
    return make_project(gold_threshold=0.7, gold_window=4, amend_minutes=60)


@pytest.fixture
def rater(project: Project) -> Account:
    return make_member(project)


def rate(
    project: Project,
    rater: Account,
    *many: Labels,
    selected_by: SelectedBy = SelectedBy.GOLD,
    day: int = 0,
) -> None:
    """Submits a rating of a new gold trace for each."""
    for minute, labels in enumerate(many):
        trace = make_trace(make_prompt(project), wants_ratings=False)
        make_gold(trace, (True, False, False))
        now = NOW + dt.timedelta(days=day, minutes=minute)
        assignment = make_assignment(
            trace, rater, selected_by=selected_by, leased_at=now, expires_at=now + dt.timedelta(minutes=30)
        )
        ratings.submit_rating(
            assignment=assignment,
            rater=rater,
            rating=ratings.NewRating(labels=tuple(labels)),
            idempotency_key=uuid4(),
            now=now,
        )


def is_paused(rater: Account) -> bool:
    return Membership.objects.get(account=rater, role=Role.RATER).paused_at is not None


def test_a_rater_below_the_threshold_is_paused_and_the_log_says_why(project: Project, rater: Account) -> None:
    rate(project, rater, RIGHT, RIGHT, WRONG, WRONG)

    membership = Membership.objects.get(account=rater)
    assert membership.paused_at == NOW + dt.timedelta(minutes=3)
    assert membership.pause_reason == PauseReason.GOLD
    event = AuditEvent.objects.get(project=project)
    assert (event.actor, event.verb) == (None, "paused for accuracy on gold")
    assert event.details == {"num_right": 2, "num_seen": 4, "threshold": 0.7}


def test_nobody_is_paused_before_the_window_is_full(project: Project, rater: Account) -> None:
    rate(project, rater, WRONG, WRONG, WRONG)

    assert not is_paused(rater)


def test_only_the_latest_gold_counts(project: Project, rater: Account) -> None:
    rate(project, rater, WRONG, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT)
    assert not is_paused(rater)

    rate(project, rater, WRONG, WRONG, day=1)

    assert is_paused(rater)


def test_without_a_threshold_nobody_is_paused(project: Project, rater: Account) -> None:
    Project.objects.filter(pk=project.pk).update(gold_threshold=None)

    rate(project, rater, *[WRONG] * 6)

    assert not is_paused(rater)


def test_ratings_of_what_did_not_come_as_gold_pause_nobody(project: Project, rater: Account) -> None:
    rate(project, rater, *[WRONG] * 6, selected_by=SelectedBy.NEED)

    assert not is_paused(rater)


def test_an_amendment_that_is_worse_counts_too(project: Project, rater: Account) -> None:
    rate(project, rater, RIGHT, RIGHT, RIGHT, WRONG)
    assert not is_paused(rater)
    last = rater.ratings.order_by("-pk")[0]
    first = rater.ratings.order_by("pk")[0]

    for rating in (first, last):
        ratings.amend_rating(
            assignment=rating.assignment,
            rater=rater,
            rating=ratings.NewRating(labels=WRONG),
            idempotency_key=uuid4(),
            now=NOW + dt.timedelta(minutes=10),
        )

    assert is_paused(rater)


def test_who_is_resumed_starts_anew(project: Project, rater: Account) -> None:
    rate(project, rater, *[WRONG] * 4)
    membership = Membership.objects.get(account=rater)
    resume_membership(
        membership=membership, actor=make_member(project, Role.ADMIN), now=NOW + dt.timedelta(days=1)
    )

    rate(project, rater, WRONG, WRONG, WRONG, day=2)
    assert not is_paused(rater)
    rate(project, rater, WRONG, day=3)

    assert is_paused(rater)


def test_a_paused_rater_is_told_how_many_they_had_right(project: Project, rater: Account) -> None:
    rate(project, rater, RIGHT, WRONG, WRONG, WRONG)

    pause = find_pause(rater, project.slug)

    assert pause is not None
    assert (pause.project, pause.role) == (project, Role.RATER)
    assert pause.accuracy == gold_accuracy(num_right=1, num_seen=4)
    assert list_pauses(rater) == [pause]


def test_a_pause_by_an_admin_says_nothing_of_gold(project: Project, rater: Account) -> None:
    admin = make_member(project, Role.ADMIN)
    pause_membership(membership=Membership.objects.get(account=rater), actor=admin, now=NOW)

    pause = find_pause(rater, project.slug)

    assert pause is not None
    assert pause.accuracy is None
    assert find_pause(admin, project.slug) is None
