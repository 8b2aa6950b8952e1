"""What must always hold of decisions, appeals and disagreements is held by the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from annotation.models import Appeal, Decision
from tests.factories import (
    NOW,
    make_appeal,
    make_decision,
    make_disagreement,
    make_member,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"revision": 1, "is_current": False}, "decision_once_per_revision"),
        ({"revision": 2}, "decision_one_current_per_trace"),
    ],
)
def test_a_trace_has_one_current_decision_and_each_revision_once(fields: dict[str, Any], name: str) -> None:
    decision = make_decision(make_trace())

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        make_decision(decision.trace, **fields)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"labels": (1, 2, 1)}, "decision_labels_in_range"),
        ({"labels": (1, 1)}, "has 2 elements"),
        ({"labels": (1, 1, 1, 1)}, "has 4 elements"),
        ({"ruling": "unsure"}, "decision_ruling_is_known"),
        ({"ruling": "bad_problem", "labels": (None, None, None)}, "decision_without_labels_has_a_note"),
    ],
)
def test_a_decision_that_says_nothing_possible_is_refused(fields: dict[str, Any], name: str) -> None:
    trace = make_trace()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        make_decision(trace, **fields)

    assert not Decision.objects.exists()


def test_a_rater_appeals_once_for_a_trace_whatever_its_revision() -> None:
    rating = make_rating()
    first = make_decision(rating.trace, is_current=False)
    second = make_decision(rating.trace, revision=2)
    make_appeal(first, rating.rater)

    with pytest.raises(IntegrityError, match="appeal_once_per_rater"), transaction.atomic():
        make_appeal(second, rating.rater)
    make_appeal(second, make_member(rating.trace.project))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"reason": ""}, "appeal_has_a_reason"),
        ({"state": "kept"}, "appeal_answered_is_whole"),
        ({"state": "kept", "answer": "No."}, "appeal_answered_is_whole"),
        ({"answer": "No."}, "appeal_answered_is_whole"),
        ({"state": "lost"}, "appeal_"),
    ],
)
def test_an_appeal_is_open_or_answered_and_nothing_between(fields: dict[str, Any], name: str) -> None:
    decision = make_decision(make_trace())

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        make_appeal(decision, make_member(decision.trace.project), **fields)

    assert not Appeal.objects.exists()


def test_an_answered_appeal_is_taken() -> None:
    decision = make_decision(make_trace())
    rater = make_member(decision.trace.project)

    appeal = make_appeal(
        decision,
        rater,
        state="kept",
        answer="3 + 4 is 7, and the step says 8.",
        answered_by=decision.adjudicator,
        answered_at=NOW,
    )

    assert str(appeal) == f"appeal {appeal.pk}"


def test_a_disagreement_is_of_a_known_kind_and_tells_no_less_than_nothing() -> None:
    for fields, name in (
        ({"bits": -0.1}, "disagreement_bits_are_not_negative"),
        ({"between": "judges"}, "disagreement_between_is_known"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            make_disagreement(make_trace(), **fields)
