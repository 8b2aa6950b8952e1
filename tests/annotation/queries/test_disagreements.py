"""Claims of raters, and the queue of disagreements."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import Account, Outcome, Project, Role
from annotation.queries.disagreements import (
    count_open_disagreements,
    list_appeals,
    list_disagreements,
    list_free_disagreements,
    read_claims,
)
from annotation.rules.disagreement import BAD_PROBLEM, NO_ERROR
from tests.factories import (
    NOW,
    make_appeal,
    make_decision,
    make_disagreement,
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
def judy(project: Project) -> Account:
    return make_member(project, Role.ADJUDICATOR)


def test_each_rater_claims_the_place_of_the_first_error(project: Project) -> None:
    trace, other, silent = (make_trace(project=project) for _ in range(3))
    make_rating(trace, labels=(1, -1, None))
    make_rating(trace, labels=(1, 1, 1), submitted_at=NOW + HOUR)
    make_rating(trace, labels=(None,) * 3, outcome=Outcome.BAD_PROBLEM, reason="x", submitted_at=NOW - HOUR)
    make_rating(trace, labels=(None,) * 3, outcome=Outcome.GIVE_UP, reason="x", submitted_at=NOW + 9 * HOUR)
    make_rating(other, labels=(-1, None, None))

    found = read_claims([trace.pk, other.pk, silent.pk])

    assert sorted(found[trace.pk].claims) == [BAD_PROBLEM, NO_ERROR, 1]
    assert found[trace.pk].last_at == NOW + HOUR
    assert found[other.pk].claims == [0]
    assert silent.pk not in found


def test_one_trace_alone_is_read_as_among_others(project: Project) -> None:
    trace, silent = make_trace(project=project), make_trace(project=project)
    make_rating(trace, labels=(1, -1, None))
    make_rating(trace, labels=(1, 1, 1))

    assert read_claims([trace.pk]) == read_claims([trace.pk, silent.pk])
    assert read_claims([silent.pk]) == {}


def test_claims_are_those_of_the_last_revisions(project: Project) -> None:
    rating = make_rating(make_trace(project=project), labels=(1, 1, 1), is_current=False)
    make_rating(rating.trace, assignment=rating.assignment, labels=(1, 1, -1), revision=2)

    assert read_claims([rating.trace_id])[rating.trace_id].claims == [2]


def test_the_queue_is_in_order_of_information_then_of_age(project: Project) -> None:
    low, first, second = (
        make_disagreement(make_trace(project=project), bits=bits) for bits in (0.1, 1.0, 1.0)
    )
    make_disagreement(make_trace(project=project, retired_at=NOW, wants_ratings=False), bits=3.0)
    make_disagreement(make_trace(), bits=3.0)

    assert list(list_disagreements(project)) == [first, second, low]
    assert count_open_disagreements(project) == 3


def test_what_somebody_else_holds_is_not_free_and_what_one_holds_oneself_is(
    project: Project, judy: Account
) -> None:
    jack = make_member(project, Role.ADJUDICATOR)
    held_by_jack = make_disagreement(
        make_trace(project=project), held_by=jack, held_until=NOW + HOUR, bits=3.0
    )
    own = make_disagreement(make_trace(project=project), held_by=judy, held_until=NOW + HOUR, bits=2.0)
    free = make_disagreement(make_trace(project=project), bits=1.0)
    make_disagreement(make_trace(project=project), is_open=False)

    assert list(list_free_disagreements(project, judy, now=NOW)) == [own, free]
    assert list(list_free_disagreements(project, judy, now=NOW + 2 * HOUR)) == [held_by_jack, own, free]


def test_appeals_are_listed_the_oldest_first_and_open_ones_marked(project: Project, judy: Account) -> None:
    rating = make_rating(make_trace(project=project))
    quiet = make_disagreement(make_trace(project=project), bits=0.5)
    loud = make_disagreement(rating.trace, bits=0.4)
    decision = make_decision(rating.trace)
    late = make_appeal(decision, rating.rater, filed_at=NOW + HOUR)
    early = make_appeal(decision, make_member(project))
    kept = make_appeal(
        decision, make_member(project), state="kept", answer="No.", answered_by=judy, answered_at=NOW
    )
    make_appeal(make_decision(make_trace()), rating.rater)

    assert list(list_appeals(project)) == [early, kept, late]
    marks = {row.pk: row.has_open_appeal for row in list_disagreements(project)}  # type: ignore[attr-defined]
    assert marks == {loud.pk: True, quiet.pk: False}
