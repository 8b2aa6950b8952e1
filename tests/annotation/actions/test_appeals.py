"""A rater appeals once, with a reason, what was decided of their own work; an adjudicator answers once."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.actions import appeals
from annotation.actions.ratings import NewRating, TraceDecided, amend_rating
from annotation.models import Account, Appeal, AppealState, Project, Rating, Role, Trace
from annotation.queries.decisions import compare_with_decision, find_decision_for, list_decisions_for
from tests.factories import (
    NOW,
    make_appeal,
    make_decision,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def project() -> Project:
    return make_project(shows_decisions=True)


@pytest.fixture
def rating(project: Project) -> Rating:
    return make_rating(make_trace(project=project), labels=(1, 1, 1))


@pytest.fixture
def judy(project: Project) -> Account:
    return make_member(project, Role.ADJUDICATOR)


def decide(trace: Trace, **fields: object) -> None:
    make_decision(trace, (1, -1, None), **{"decided_at": NOW + HOUR, **fields})  # type: ignore[arg-type]


def file(rating: Rating, reason: str = "3 + 4 is 7.", rater: Account | None = None) -> Appeal:
    return appeals.file_appeal(
        trace=rating.trace, rater=rater or rating.rater, reason=reason, now=NOW + 2 * HOUR
    )


def test_an_appeal_is_filed_against_the_decision_that_holds(rating: Rating) -> None:
    decide(rating.trace)

    appeal = file(rating, "  3 + 4 is 7.\x00 ")

    assert (appeal.reason, appeal.state) == ("3 + 4 is 7.", AppealState.OPEN)
    assert appeal.decision.revision == 1


def test_nobody_appeals_twice_or_without_a_word(rating: Rating) -> None:
    decide(rating.trace)
    with pytest.raises(appeals.WordsMissing):
        file(rating, " \n")
    file(rating)

    with pytest.raises(appeals.AlreadyAppealed):
        file(rating, "Once more.")

    assert Appeal.objects.count() == 1


def test_there_is_nothing_to_appeal_without_a_decision_or_a_rating_of_ones_own(
    rating: Rating, project: Project
) -> None:
    with pytest.raises(appeals.NoDecisionToAppeal):
        file(rating)
    decide(rating.trace)

    with pytest.raises(appeals.NoDecisionToAppeal):
        file(rating, rater=make_member(project))


def test_a_project_that_does_not_show_decisions_takes_no_appeals(rating: Rating, project: Project) -> None:
    decide(rating.trace)
    project.shows_decisions = False
    project.save()
    rating.trace.project.refresh_from_db()

    assert find_decision_for(rating.rater, rating.trace) is None
    with pytest.raises(appeals.NoDecisionToAppeal):
        file(rating)


def test_a_decision_that_was_there_before_the_rating_is_never_shown(rating: Rating) -> None:
    """Only gold is handed out after it was decided: seeing the decision would tell the rater so."""
    decide(rating.trace, decided_at=NOW - HOUR, is_current=False)
    decide(rating.trace, revision=2)

    assert find_decision_for(rating.rater, rating.trace) is None


def test_a_decision_that_came_after_is_shown_in_its_last_revision(rating: Rating, project: Project) -> None:
    decide(rating.trace, is_current=False)
    decide(rating.trace, revision=2, decided_at=NOW + 2 * HOUR)
    decide(make_rating(make_trace(project=project)).trace)

    assert [decision.revision for decision in list_decisions_for(rating.rater, project)] == [2]


def test_a_rating_is_compared_with_the_decision_step_by_step(rating: Rating) -> None:
    decide(rating.trace, step_notes={"1": "That is 7."})
    decision = find_decision_for(rating.rater, rating.trace)
    assert decision is not None

    told = compare_with_decision(rating, decision)

    assert not told.is_same
    assert [(step.number, step.own_label, step.label, step.is_same) for step in told.steps] == [
        (1, 1, 1, True),
        (2, 1, -1, False),
        (3, 1, None, True),
    ]
    assert told.steps[1].note == "That is 7."


def test_who_has_seen_the_decision_can_not_amend_to_it(rating: Rating) -> None:
    decide(rating.trace)

    with pytest.raises(TraceDecided):
        amend_rating(
            assignment=rating.assignment,
            rater=rating.rater,
            rating=NewRating(labels=(1, -1, None)),
            idempotency_key=rating.idempotency_key.__class__(int=7),
            now=NOW + dt.timedelta(minutes=5),
        )

    assert Rating.objects.get().labels == [1, 1, 1]


def test_an_answer_says_kept_or_changed_by_what_holds_then(rating: Rating, judy: Account) -> None:
    decide(rating.trace)
    kept = appeals.answer_appeal(appeal=file(rating), adjudicator=judy, answer="No. ", now=NOW + 3 * HOUR)
    assert (kept.state, kept.answer, kept.answered_by) == (AppealState.KEPT, "No.", judy)

    other = make_rating(make_trace(project=rating.trace.project), labels=(1, 1, 1))
    decide(other.trace, is_current=False)
    appeal = make_appeal(other.trace.decisions.get(), other.rater)
    make_decision(other.trace, (1, 1, 1), revision=2)
    changed = appeals.answer_appeal(appeal=appeal, adjudicator=judy, answer="Yes.", now=NOW + 3 * HOUR)
    assert changed.state == AppealState.CHANGED


def test_an_appeal_is_answered_once_by_somebody_else_and_in_words(rating: Rating, judy: Account) -> None:
    decide(rating.trace)
    appeal = file(rating)
    for adjudicator, answer, error in (
        (judy, "  ", appeals.WordsMissing),
        (rating.rater, "Yes.", appeals.OwnAppeal),
    ):
        with pytest.raises(error):
            appeals.answer_appeal(appeal=appeal, adjudicator=adjudicator, answer=answer, now=NOW)
    appeals.answer_appeal(appeal=appeal, adjudicator=judy, answer="No.", now=NOW)

    with pytest.raises(appeals.AppealNotOpen):
        appeals.answer_appeal(appeal=appeal, adjudicator=judy, answer="Yes.", now=NOW)

    assert Appeal.objects.get().answer == "No."
