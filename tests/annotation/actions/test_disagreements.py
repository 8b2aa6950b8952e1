"""Rows of disagreements follow ratings and merges, and adjudicators get them one by one."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.actions.disagreements import (
    HOLD_MINUTES,
    Merged,
    NothingToReview,
    hold_next,
    refresh_after_merge,
    refresh_after_rating,
)
from annotation.models import Account, Disagreement, Outcome, Project, Role, Trace
from tests.factories import (
    NOW,
    make_decision,
    make_disagreement,
    make_gold,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def trace() -> Trace:
    return make_trace()


def rate(trace: Trace, *labels: int | None, **fields: object) -> None:
    refresh_after_rating(rating=make_rating(trace, labels=labels, **fields), now=NOW)


def merge(trace: Trace, posterior: tuple[float, ...], first_error: int, read_at: dt.datetime = NOW) -> None:
    refresh_after_merge(
        project=trace.project,
        merged={trace.pk: Merged(posterior, first_error)},
        read_at=read_at,
        now=LATER,
    )


def test_two_raters_who_find_the_error_elsewhere_disagree(trace: Trace) -> None:
    rate(trace, 1, -1, None)
    assert not Disagreement.objects.exists()

    rate(trace, 1, 1, 1)

    row = Disagreement.objects.get()
    assert (row.trace, row.project, row.between, row.bits, row.is_open) == (
        trace,
        trace.project,
        "raters",
        1.0,
        True,
    )


def test_raters_who_agree_don_t_whatever_they_call_the_good_steps(trace: Trace) -> None:
    rate(trace, 1, -1, None)
    rate(trace, 0, -1, None)

    assert not Disagreement.objects.exists()


def test_a_bad_problem_disagrees_with_a_rating_and_a_give_up_with_nobody(trace: Trace) -> None:
    rate(trace, 1, 1, 1)
    rate(trace, None, None, None, outcome=Outcome.GIVE_UP, reason="Too hard.")
    assert not Disagreement.objects.exists()

    rate(trace, None, None, None, outcome=Outcome.BAD_PROBLEM, reason="No question.")

    assert Disagreement.objects.get().bits == pytest.approx(1.0)


def test_an_amendment_that_settles_it_takes_the_row_away(trace: Trace) -> None:
    rate(trace, 1, 1, 1)
    second = make_rating(trace, labels=(1, -1, None))
    refresh_after_rating(rating=second, now=NOW)
    second.is_current = False
    second.save()

    rate(trace, 1, 1, 1, assignment=second.assignment, revision=2)

    assert not Disagreement.objects.exists()


def test_a_third_rater_changes_what_a_decision_tells_and_not_when_it_was_found(trace: Trace) -> None:
    for labels in ((1, 1, 1), (1, -1, None)):
        rate(trace, *labels)
    refresh_after_rating(rating=make_rating(trace, labels=(1, 1, 1)), now=LATER)

    row = Disagreement.objects.get()
    assert row.bits == pytest.approx(0.9182958)
    assert row.found_at == NOW


def test_the_first_rating_of_a_trace_asks_one_question_only(trace: Trace) -> None:
    rating = make_rating(trace)

    with CaptureQueriesContext(connection) as queries:
        refresh_after_rating(rating=rating, now=NOW)

    assert len(queries) == 1


def test_a_merge_says_what_a_decision_would_tell(trace: Trace) -> None:
    rate(trace, 1, 1, 1)
    rate(trace, 1, -1, None)

    merge(trace, (1.0, 0.99, 0.99), -1)

    assert Disagreement.objects.get().bits == pytest.approx(0.0808, abs=1e-3)


def test_a_merge_that_has_not_heard_the_last_rater_says_nothing(trace: Trace) -> None:
    rate(trace, 1, 1, 1)
    rate(trace, 1, -1, None)

    merge(trace, (1.0, 0.99, 0.99), -1, read_at=NOW - dt.timedelta(seconds=1))

    assert Disagreement.objects.get().bits == pytest.approx(1.0)


def test_a_merge_that_contradicts_everybody_makes_a_disagreement_and_one_that_does_not_ends_it(
    trace: Trace,
) -> None:
    rate(trace, 1, 1, 1)

    merge(trace, (0.9, 0.3, 0.3), 1)
    assert Disagreement.objects.get().between == "merge"

    merge(trace, (0.9, 0.8, 0.8), -1)
    assert not Disagreement.objects.exists()


@pytest.mark.parametrize("settle", [make_decision, make_gold])
def test_what_is_decided_or_gold_is_not_open(settle: object, trace: Trace) -> None:
    settle(trace)  # type: ignore[operator]

    rate(trace, 1, 1, 1)
    rate(trace, 1, -1, None)

    assert not Disagreement.objects.get().is_open


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def judy(project: Project) -> Account:
    return make_member(project, Role.ADJUDICATOR)


def test_the_most_informative_is_held_for_one_adjudicator(project: Project, judy: Account) -> None:
    first, second = (make_disagreement(make_trace(project=project), bits=bits) for bits in (2.0, 1.0))
    jack = make_member(project, Role.ADJUDICATOR)

    assert hold_next(project=project, adjudicator=judy, now=NOW) == first
    assert hold_next(project=project, adjudicator=jack, now=NOW) == second
    assert hold_next(project=project, adjudicator=judy, now=NOW) == first
    with pytest.raises(NothingToReview):
        hold_next(project=project, adjudicator=make_member(project, Role.ADJUDICATOR), now=NOW)


def test_what_was_held_too_long_is_free_again(project: Project, judy: Account) -> None:
    row = make_disagreement(make_trace(project=project))
    hold_next(project=project, adjudicator=judy, now=NOW)

    later = NOW + dt.timedelta(minutes=HOLD_MINUTES, seconds=1)

    assert hold_next(project=project, adjudicator=make_member(project), now=later) == row


def test_passing_over_frees_it_and_goes_on_in_order(project: Project, judy: Account) -> None:
    rows = [make_disagreement(make_trace(project=project), bits=bits) for bits in (1.0, 1.0, 0.5)]
    jack = make_member(project, Role.ADJUDICATOR)
    hold_next(project=project, adjudicator=judy, now=NOW)

    passed = [
        hold_next(project=project, adjudicator=judy, now=NOW, after=row.trace_id).pk for row in rows[:2]
    ]

    assert passed == [rows[1].pk, rows[2].pk]
    assert hold_next(project=project, adjudicator=jack, now=NOW) == rows[0]
    with pytest.raises(NothingToReview):
        hold_next(project=project, adjudicator=judy, now=NOW, after=rows[2].trace_id)


@pytest.mark.parametrize("kind", ["decided", "retired", "of another project"])
def test_what_needs_no_decision_is_not_handed_out(kind: str, project: Project, judy: Account) -> None:
    trace = make_trace() if kind == "of another project" else make_trace(project=project)
    if kind == "retired":
        Trace.objects.filter(pk=trace.pk).update(retired_at=NOW, wants_ratings=False)
    make_disagreement(trace, is_open=kind != "decided")

    with pytest.raises(NothingToReview):
        hold_next(project=project, adjudicator=judy, now=NOW)


def test_the_next_one_is_found_by_its_index(project: Project, judy: Account) -> None:
    """Whatever the project's size: the first entry of the partial index, not a sort of all of it."""
    make_disagreement(make_trace(project=project))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM annotation_disagreement WHERE project_id = %s AND is_open "
            "ORDER BY bits DESC, trace_id LIMIT 1",
            [project.pk],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "disagreement_open" in plan
    assert "Sort" not in plan
