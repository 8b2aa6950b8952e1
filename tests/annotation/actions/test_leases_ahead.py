"""Leasing the next trace while the current one is being rated: at most one, and it goes back unseen."""

from __future__ import annotations

import datetime as dt
import random
import threading
from uuid import uuid4

import pytest
from django.db import connection

from annotation.actions import ratings
from annotation.actions.assignments import (
    NothingToRate,
    expire_leases,
    lease_next,
    renew_lease,
    skip_trace,
)
from annotation.actions.leases_ahead import return_leases
from annotation.models import Account, Assignment, AssignmentState, Project, Trace
from annotation.rules.draft import Draft
from tests.factories import NOW, make_assignment, make_member, make_project, make_prompt, make_trace

LATER = NOW + dt.timedelta(minutes=31)


def make_queue(num_traces: int, **fields: object) -> tuple[Project, Account]:
    project = make_project(**fields)
    prompt = make_prompt(project)
    for number in range(num_traces):
        make_trace(prompt, queue_key=(number + 0.5) / num_traces)
    return project, make_member(project)


def lease(project: Project, rater: Account, *, is_ahead: bool = False, now: dt.datetime = NOW) -> Assignment:
    return lease_next(project=project, rater=rater, now=now, source=random.Random(1), is_ahead=is_ahead)


def submit(assignment: Assignment) -> None:
    ratings.submit_rating(
        assignment=assignment,
        rater=assignment.rater,
        rating=ratings.NewRating(labels=(1, 1, 1)),
        idempotency_key=uuid4(),
        now=NOW,
    )


@pytest.mark.django_db
class TestTheTraceAfterThis:
    def test_it_is_another_and_asking_twice_gives_the_same(self) -> None:
        project, rater = make_queue(4)
        current = lease(project, rater)

        first, again = (lease(project, rater, is_ahead=True) for _ in range(2))

        assert first.pk == again.pk != current.pk
        assert (first.is_ahead, lease(project, rater).pk) == (True, current.pk)
        assert Assignment.objects.filter(rater=rater, state=AssignmentState.LEASED).count() == 2

    def test_it_takes_a_place_like_any_other(self) -> None:
        project, rater = make_queue(2, overlap=1)
        lease(project, rater)
        lease(project, rater, is_ahead=True)

        with pytest.raises(NothingToRate):
            lease(project, make_member(project))
        assert not Trace.objects.filter(wants_ratings=True).exists()

    def test_it_is_next_once_the_current_one_is_submitted_and_no_longer_ahead(self) -> None:
        project, rater = make_queue(3)
        current, ahead = lease(project, rater), lease(project, rater, is_ahead=True)
        submit(current)

        opened = lease(project, rater)

        opened.refresh_from_db()
        assert (opened.pk, opened.is_ahead) == (ahead.pk, False)
        assert lease(project, rater, is_ahead=True).pk not in {current.pk, ahead.pk}

    def test_nothing_ahead_is_nothing_to_rate(self) -> None:
        project, rater = make_queue(1)
        lease(project, rater)

        with pytest.raises(NothingToRate):
            lease(project, rater, is_ahead=True)

    def test_work_begun_earlier_comes_before_a_new_draw(self) -> None:
        project, rater = make_queue(4)
        current = lease(project, rater)
        begun = make_assignment(
            make_trace(project=project), rater, state=AssignmentState.RETURNED, ended_at=NOW,
            draft={"labels": [1, None, None]}, draft_revision=1, draft_saved_at=NOW,
        )  # fmt: skip

        ahead = lease(project, rater, is_ahead=True)

        assert (ahead.pk, ahead.is_ahead) == (begun.pk, True)
        assert lease(project, rater).pk == current.pk


@pytest.mark.django_db
class TestWhatBecomesOfIt:
    def test_it_stays_while_the_rater_works_on_the_one_before(self) -> None:
        project, rater = make_queue(2)
        current, ahead = lease(project, rater), lease(project, rater, is_ahead=True)
        soon = NOW + dt.timedelta(minutes=20)

        ratings.save_draft(
            assignment=current, rater=rater, draft=Draft((1, None, None), writer="page", sequence=1),
            base_revision=0, now=soon,
        )  # fmt: skip

        assert expire_leases(now=LATER) == 0
        ahead.refresh_from_db()
        assert (ahead.state, ahead.expires_at) == (AssignmentState.LEASED, soon + dt.timedelta(minutes=30))

    def test_it_runs_out_like_any_lease_and_the_trace_is_free_again(self) -> None:
        project, rater = make_queue(2, overlap=1)
        lease(project, rater)
        ahead = lease(project, rater, is_ahead=True)

        assert expire_leases(now=LATER) == 2

        ahead.refresh_from_db()
        assert (ahead.state, ahead.is_ahead) == (AssignmentState.RETURNED, False)
        assert Trace.objects.filter(wants_ratings=True).count() == 2

    def test_signing_out_gives_back_what_was_never_seen_and_nothing_else(self) -> None:
        project, rater = make_queue(2, overlap=1)
        current, ahead = lease(project, rater), lease(project, rater, is_ahead=True)

        assert return_leases(rater=rater, now=NOW) == 2

        states = {row.pk: (row.state, row.is_ahead) for row in Assignment.objects.all()}
        assert states == {current.pk: ("returned", False), ahead.pk: ("returned", False)}
        others = {lease(project, make_member(project)).trace_id for _ in range(2)}
        assert others == {current.trace_id, ahead.trace_id}

    def test_opening_saving_skipping_and_submitting_end_its_being_ahead(self) -> None:
        project, rater = make_queue(6)
        lease(project, rater)

        for act in ("open", "save", "skip", "submit"):
            ahead = lease(project, rater, is_ahead=True)
            if act == "open":
                renew_lease(assignment=ahead, rater=rater, now=NOW)
            elif act == "save":
                draft = Draft((1, None, None), writer="page", sequence=1)
                ratings.save_draft(assignment=ahead, rater=rater, draft=draft, base_revision=0, now=NOW)
            elif act == "skip":
                skip_trace(assignment=ahead, rater=rater, reason="", now=NOW)
            else:
                submit(ahead)
            ahead.refresh_from_db()
            assert not ahead.is_ahead, act
            if act in ("open", "save"):  # else it would be asked for again
                skip_trace(assignment=ahead, rater=rater, reason="", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_look_ahead_at_once_get_the_same_trace() -> None:
    project, rater = make_queue(5)
    lease(project, rater)
    found: list[int] = []

    def look_ahead() -> None:
        try:
            found.append(lease(project, rater, is_ahead=True).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=look_ahead) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1
