"""Deciding a trace: stored once, a revision each time, gold where wanted, and the trace waits for nobody any more."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest

from annotation.actions import decisions
from annotation.actions.decisions import NewDecision, decide_trace
from annotation.actions.overlap import refresh_wants_ratings
from annotation.models import (
    Account,
    AuditEvent,
    Decision,
    Disagreement,
    Gold,
    GoldSource,
    Role,
    Ruling,
    Trace,
)
from annotation.rules.rating import Incomplete, JudgedAfterFirstError, WrongLength
from tests.factories import (
    NOW,
    make_disagreement,
    make_gold,
    make_judge_score,
    make_member,
    make_project,
    make_trace,
)

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def trace() -> Trace:
    return make_trace()


@pytest.fixture
def judy(trace: Trace) -> Account:
    return make_member(trace.project, Role.ADJUDICATOR)


def decide(trace: Trace, adjudicator: Account, labels: Any = (1, -1, None), **fields: Any) -> Decision:
    sent = {"idempotency_key": uuid4(), "now": NOW} | {
        name: fields.pop(name) for name in ("idempotency_key", "now") if name in fields
    }
    return decide_trace(
        trace=trace, adjudicator=adjudicator, decision=NewDecision(labels=labels, **fields), **sent
    )


def test_a_decision_is_stored_whole(trace: Trace, judy: Account) -> None:
    decision = decide(trace, judy, note="  Wrong sum.\x00 ".replace("\x00", ""), step_notes={1: "8, not 7"})

    decision.refresh_from_db()
    assert (decision.labels, decision.note, decision.step_notes) == (
        [1, -1, None],
        "Wrong sum.",
        {"1": "8, not 7"},
    )
    assert (decision.adjudicator, decision.revision, decision.is_current) == (judy, 1, True)
    assert not decision.has_seen_scores
    event = AuditEvent.objects.get(verb="decided a trace")
    assert event.actor == judy


def test_scores_that_were_there_were_in_sight(trace: Trace, judy: Account) -> None:
    make_judge_score(trace)

    assert decide(trace, judy).has_seen_scores


def test_deciding_again_adds_a_revision_and_keeps_the_first(trace: Trace, judy: Account) -> None:
    first = decide(trace, judy)
    second = decide(trace, judy, (1, 1, 1), now=LATER)

    first.refresh_from_db()
    assert (first.labels, first.is_current) == ([1, -1, None], False)
    assert (second.labels, second.is_current, second.revision) == ([1, 1, 1], True, 2)


def test_the_same_submission_is_stored_once(trace: Trace, judy: Account) -> None:
    key = uuid4()
    first = decide(trace, judy, idempotency_key=key)

    assert decide(trace, judy, (1, 1, 1), idempotency_key=key) == first
    with pytest.raises(decisions.NotOfThisTrace):
        decide(make_trace(project=trace.project), judy, idempotency_key=key)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"labels": (1, None, 1)}, Incomplete),
        ({"labels": (1, -1, 1)}, JudgedAfterFirstError),
        ({"labels": (1, 1)}, WrongLength),
        ({"ruling": Ruling.BAD_PROBLEM, "note": "  "}, decisions.NoteMissing),
        ({"ruling": Ruling.BAD_PROBLEM, "note": "x", "makes_gold": True}, decisions.BadProblemIsNoGold),
    ],
)
def test_what_can_not_be_decided_leaves_nothing_behind(
    fields: dict[str, Any], error: type[Exception], trace: Trace, judy: Account
) -> None:
    make_disagreement(trace)

    with pytest.raises(error):
        decide(trace, judy, **fields)

    assert not Decision.objects.exists()
    assert Disagreement.objects.get().is_open


def test_a_retired_trace_is_not_decided(judy: Account, trace: Trace) -> None:
    old = make_trace(project=trace.project, retired_at=NOW, wants_ratings=False)

    with pytest.raises(decisions.TraceRetired):
        decide(old, judy)


def test_a_bad_problem_has_no_labels(trace: Trace, judy: Account) -> None:
    decision = decide(trace, judy, (1, 1, 1), ruling=Ruling.BAD_PROBLEM, note="It has no question.")

    assert decision.labels == [None, None, None]


def test_a_decision_closes_the_disagreement_and_frees_who_held_it(trace: Trace, judy: Account) -> None:
    make_disagreement(trace, held_by=judy, held_until=LATER)

    decide(trace, judy)

    row = Disagreement.objects.get()
    assert (row.is_open, row.held_by, row.held_until) == (False, None, None)


def test_a_decided_trace_waits_for_no_more_ratings(trace: Trace, judy: Account) -> None:
    assert trace.wants_ratings

    decide(trace, judy)
    trace.refresh_from_db()
    assert not trace.wants_ratings

    trace.project.overlap = 5
    trace.project.save()
    refresh_wants_ratings(trace.project)
    trace.refresh_from_db()
    assert not trace.wants_ratings


def test_gold_is_made_changed_and_taken_back_with_the_decision(trace: Trace, judy: Account) -> None:
    decide(trace, judy, makes_gold=True)
    gold = Gold.objects.get()
    assert (gold.stands, gold.source) == ([True, False, False], GoldSource.ADJUDICATED)

    decide(trace, judy, (1, 1, -1), makes_gold=True)
    assert Gold.objects.get().stands == [True, True, False]

    decide(trace, judy, (1, 1, 1))
    assert not Gold.objects.exists()


def test_imported_gold_is_not_taken_back_by_a_decision(trace: Trace, judy: Account) -> None:
    make_gold(trace)

    decide(trace, judy)

    assert Gold.objects.get().source == GoldSource.IMPORTED


def test_a_project_that_goes_on_after_errors_decides_every_step(judy: Account) -> None:
    trace = make_trace(project=make_project(stop_at_first_error=False))

    assert decide(trace, judy, (1, -1, 1)).labels == [1, -1, 1]
    with pytest.raises(Incomplete):
        decide(trace, judy, (1, -1, None))
