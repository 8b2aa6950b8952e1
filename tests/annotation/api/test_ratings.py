"""/ratings/"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from annotation.models import Assignment, AssignmentState, Rating, Role
from tests.annotation.api.callers import make_caller, send
from tests.factories import make_assignment, make_member, make_project, make_rating, make_trace

pytestmark = pytest.mark.django_db

RATINGS = "/api/v1/ratings/"


def hold_trace(**project: Any) -> Assignment:
    """A trace leased to a rater, in real time, since the API asks the clock."""
    now = timezone.now()
    trace = make_trace(project=make_project(**project))
    return make_assignment(trace, leased_at=now, expires_at=now + dt.timedelta(minutes=30))


def rating_of(assignment: Assignment, **changes: Any) -> dict[str, Any]:
    return {
        "trace": assignment.trace_id,
        "labels": [1, 0, 1],
        "idempotency_key": str(uuid4()),
        **changes,
    }


def test_a_rater_sees_their_own_ratings_and_nobody_elses() -> None:
    trace = make_trace()
    mine, other = make_rating(trace), make_rating(trace)
    caller = make_caller(mine.rater)

    listed = caller.get(RATINGS).json()["results"]

    assert [row["id"] for row in listed] == [mine.pk]
    assert caller.get(f"{RATINGS}{other.pk}/").status_code == 404
    assert caller.get(f"{RATINGS}?rater={other.rater.username}").json()["results"] == []


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR])
def test_staff_see_every_rating_of_their_projects_only(role: Role) -> None:
    trace = make_trace()
    ratings = [make_rating(trace, labels=[1, -1, None]), make_rating(trace)]
    make_rating()
    caller = make_caller(make_member(trace.project, role))

    listed = caller.get(RATINGS).json()["results"]

    assert [row["id"] for row in listed] == [rating.pk for rating in ratings]
    assert listed[0]["labels"] == [1, -1, None]
    assert listed[0]["rater"] == ratings[0].rater.username


def test_being_staff_in_one_project_shows_no_ratings_of_another_where_one_rates() -> None:
    mine = make_rating()
    other = make_rating(mine.trace)
    staffed = make_project()
    account = mine.rater
    account.membership_set.create(project=staffed, role=Role.ADMIN, created_at=timezone.now())
    caller = make_caller(account)

    assert [row["id"] for row in caller.get(RATINGS).json()["results"]] == [mine.pk]
    assert caller.get(f"{RATINGS}{other.pk}/").status_code == 404


def test_a_rater_who_left_sees_their_ratings_no_more() -> None:
    rating = make_rating()
    rating.rater.membership_set.all().delete()

    assert make_caller(rating.rater).get(RATINGS).json()["results"] == []


def test_amended_revisions_are_listed_on_request_only() -> None:
    old = make_rating(is_current=False)
    make_rating(old.trace, assignment=old.assignment, revision=2)
    caller = make_caller(make_member(old.trace.project, Role.ADMIN))

    assert [row["revision"] for row in caller.get(RATINGS).json()["results"]] == [2]
    assert len(caller.get(f"{RATINGS}?superseded=true&trace={old.trace_id}").json()["results"]) == 2


def test_a_rater_submits_a_rating_for_a_trace_they_hold() -> None:
    held = hold_trace()

    answer = send(
        make_caller(held.rater),
        RATINGS,
        rating_of(
            held,
            labels=[1, -1, None],
            notes={"1": "3 + 4 is 7"},
            error_categories={"1": "Calculation"},
            rewrites={"1": "  7"},
        ),
    )

    stored = Rating.objects.get()
    held.refresh_from_db()
    assert answer.status_code == 201
    assert answer.json()["id"] == stored.pk
    assert (stored.labels, stored.notes) == ([1, -1, None], {"1": "3 + 4 is 7"})
    assert (stored.error_categories, stored.rewrites) == ({"1": "Calculation"}, {"1": "  7"})
    assert held.state == AssignmentState.SUBMITTED


def test_a_rating_sent_twice_is_stored_once() -> None:
    held = hold_trace()
    caller, body = make_caller(held.rater), rating_of(held)

    first, again = send(caller, RATINGS, body), send(caller, RATINGS, body)

    assert (first.json(), again.status_code) == (again.json(), 201)
    assert Rating.objects.count() == 1


def test_a_second_rating_of_a_submitted_trace_is_a_conflict() -> None:
    held = hold_trace()
    caller = make_caller(held.rater)
    send(caller, RATINGS, rating_of(held))

    assert send(caller, RATINGS, rating_of(held, labels=[1, 1, 1])).status_code == 409
    assert Rating.objects.count() == 1


def test_a_trace_that_somebody_else_holds_is_not_found() -> None:
    held = hold_trace()
    other = make_member(held.trace.project)

    assert send(make_caller(other), RATINGS, rating_of(held)).status_code == 404
    assert not Rating.objects.exists()


def test_a_paused_rater_submits_nothing() -> None:
    held = hold_trace()
    held.rater.membership_set.update(paused_at=timezone.now())

    assert send(make_caller(held.rater), RATINGS, rating_of(held)).status_code == 404
    assert not Rating.objects.exists()


def test_a_bad_problem_needs_a_reason_and_no_labels() -> None:
    held = hold_trace()
    caller = make_caller(held.rater)

    without = send(caller, RATINGS, rating_of(held, outcome="bad_problem", labels=[]))
    with_one = send(caller, RATINGS, rating_of(held, outcome="bad_problem", labels=[], reason="No question."))

    assert (without.status_code, list(without.json()["errors"])) == (400, ["reason"])
    assert (with_one.status_code, with_one.json()["outcome"]) == (201, "bad_problem")


def test_an_error_category_that_the_project_does_not_have_is_named() -> None:
    held = hold_trace()
    body = rating_of(held, labels=[-1, None, None], error_categories={"0": "Mood"})

    answer = send(make_caller(held.rater), RATINGS, body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["error_categories"])
    assert not Rating.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", [1, 1]),
        ("labels", [1, 2, 1]),
        ("labels", [1, "x", 1]),
        ("labels", [-1, 1, 1]),
        ("labels", [1, None, 1]),
        ("labels", [True, 0.5, 1]),
        ("labels", "111"),
        ("notes", {"first": "x"}),
        ("notes", {"-1": "x"}),
        ("notes", {"0": "x" * 5001}),
        ("notes", ["x"]),
        ("error_categories", {"3": "Calculation"}),
        ("rewrites", {"0": "x" * 20_001}),
        ("idempotency_key", "1"),
        ("active_seconds", -1),
        ("active_seconds", 1e300),
        ("outcome", "fine"),
        ("reason", "nul \x00"),
        ("trace", -1),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_stored(field: str, value: Any) -> None:
    held = hold_trace()

    answer = send(make_caller(held.rater), RATINGS, rating_of(held, **{field: value}))

    held.refresh_from_db()
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Rating.objects.exists()
    assert held.state == AssignmentState.LEASED
