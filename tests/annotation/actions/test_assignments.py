"""Handing out traces: who gets which, how many raters a trace takes, and what becomes of a lease."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from annotation.actions import assignments, ratings
from annotation.actions.assignments import (
    AlreadySubmitted,
    LeaseExpired,
    NothingToRate,
    NotYours,
    expire_leases,
    lease_next,
    renew_lease,
    return_lease,
    skip_trace,
)
from annotation.models import Account, Assignment, AssignmentState, Project, SelectedBy, Trace
from annotation.rules.draft import Draft
from tests.factories import NOW, make_assignment, make_member, make_project, make_prompt, make_trace

LATER = NOW + dt.timedelta(minutes=31)


class Loaded(random.Random):
    """A random source that gives these numbers, in order, and then 0.5 for ever."""

    def __init__(self, *numbers: float) -> None:
        super().__init__(0)
        self._numbers = list(numbers)

    def random(self) -> float:
        return self._numbers.pop(0) if self._numbers else 0.5


RANDOM_ARM, NEED_ARM = 0.1, 0.9


def lease(project: Project, rater: Account, *numbers: float, now: dt.datetime = NOW) -> Assignment:
    return lease_next(project=project, rater=rater, now=now, source=Loaded(*numbers))


def make_traces(project: Project, num: int, **fields: Any) -> list[Trace]:
    prompt = make_prompt(project)
    return [make_trace(prompt, queue_key=(i + 0.5) / num, **fields) for i in range(num)]


def rate_all_good(assignment: Assignment) -> None:
    ratings.submit_rating(
        assignment=assignment,
        rater=assignment.rater,
        rating=ratings.NewRating(labels=(1, 1, 1)),
        idempotency_key=uuid4(),
        now=NOW,
    )


class TestWhichTrace:
    pytestmark = pytest.mark.django_db

    def test_a_random_draw_takes_the_first_trace_at_or_after_a_random_key(self) -> None:
        project = make_project()
        traces = make_traces(project, 4)

        assignment = lease(project, make_member(project), RANDOM_ARM, 0.5)

        assert assignment.trace_id == traces[2].pk
        assert assignment.selected_by == SelectedBy.RANDOM

    def test_a_random_draw_above_the_last_key_wraps_round(self) -> None:
        project = make_project()
        traces = make_traces(project, 4)

        assert lease(project, make_member(project), RANDOM_ARM, 0.99).trace_id == traces[0].pk

    def test_a_draw_by_need_takes_the_neediest(self) -> None:
        project = make_project()
        make_traces(project, 3, need=0.2)
        [neediest] = make_traces(project, 1, need=0.7)

        assignment = lease(project, make_member(project), NEED_ARM)

        assert assignment.trace_id == neediest.pk
        assert assignment.selected_by == SelectedBy.NEED

    @pytest.mark.parametrize(("need", "expected"), [(0.2, 0.5 / 4), (0.7, 0.5 / 4 + 0.5)])
    def test_the_probability_counts_both_ways_of_being_drawn(self, need: float, expected: float) -> None:
        project = make_project()
        make_traces(project, 3, need=0.2)
        make_trace(project=project, need=0.7, queue_key=0.6)
        wanted = Trace.objects.filter(need=need).order_by("queue_key")[0]

        assignment = lease(project, make_member(project), RANDOM_ARM, wanted.queue_key)

        assert assignment.trace_id == wanted.pk
        assert assignment.selection_probability == pytest.approx(expected)

    def test_equally_needy_traces_share_the_probability(self) -> None:
        project = make_project()
        make_traces(project, 8)

        assert lease(project, make_member(project), NEED_ARM).selection_probability == pytest.approx(1 / 8)

    def test_the_stored_probability_is_how_often_a_trace_is_drawn(self) -> None:
        """Over many projects with keys drawn anew, the neediest of four is drawn 62.5 % of the time."""
        rng, num_draws, hits = random.Random(7), 400, 0
        project, rater = make_project(), None
        traces = [make_trace(make_prompt(project), need=0.9 if i == 0 else 0.1) for i in range(4)]
        rater = make_member(project)
        for _ in range(num_draws):
            for trace in traces:
                Trace.objects.filter(pk=trace.pk).update(queue_key=rng.random())
            assignment = lease_next(project=project, rater=rater, now=NOW, source=rng)
            hits += assignment.trace_id == traces[0].pk
            assignment.delete()
            Trace.objects.update(wants_ratings=True)
        assert hits / num_draws == pytest.approx(0.625, abs=0.075)  # three standard errors

    def test_only_the_asked_project_is_drawn_from(self) -> None:
        project = make_project()
        make_trace()

        with pytest.raises(NothingToRate):
            lease(project, make_member(project))

    def test_retired_traces_are_not_drawn(self) -> None:
        project = make_project()
        make_traces(project, 2, retired_at=NOW, wants_ratings=False)

        with pytest.raises(NothingToRate):
            lease(project, make_member(project))


class TestThePair:
    pytestmark = pytest.mark.django_db

    def test_asking_twice_gives_the_same_trace(self) -> None:
        project = make_project()
        make_traces(project, 5)
        rater = make_member(project)

        first, second = lease(project, rater, RANDOM_ARM, 0.1), lease(project, rater, RANDOM_ARM, 0.9)

        assert first.pk == second.pk

    def test_asking_again_renews_the_lease(self) -> None:
        project = make_project(lease_minutes=30)
        make_traces(project, 1)
        rater = make_member(project)
        lease(project, rater)

        again = lease(project, rater, now=NOW + dt.timedelta(minutes=20))

        again.refresh_from_db()
        assert again.expires_at == NOW + dt.timedelta(minutes=50)

    @pytest.mark.parametrize("end", ["rate", "skip"])
    def test_a_trace_is_never_handed_to_the_same_rater_again(self, end: str) -> None:
        project = make_project(overlap=5)
        make_traces(project, 1)
        rater = make_member(project)
        assignment = lease(project, rater)
        if end == "rate":
            rate_all_good(assignment)
        else:
            skip_trace(assignment=assignment, rater=rater, reason="", now=NOW)

        with pytest.raises(NothingToRate):
            lease(project, rater)

    def test_assisted_or_blind_is_drawn_once_for_each_pair(self) -> None:
        project = make_project(assisted_share=0.5)
        make_traces(project, 1)
        rater = make_member(project)
        assignment = lease(project, rater, NEED_ARM, 0.4)
        assert assignment.is_assisted
        return_lease(assignment=assignment, rater=rater, now=NOW)

        again = lease(project, rater, NEED_ARM, 0.6)

        again.refresh_from_db()
        assert (again.pk, again.is_assisted) == (assignment.pk, True)
        assert again.state == AssignmentState.LEASED

    def test_what_was_drawn_for_a_pair_stays_when_it_is_leased_again(self) -> None:
        project = make_project()
        make_traces(project, 4)
        rater = make_member(project)
        first = lease(project, rater, RANDOM_ARM, 0.5)
        return_lease(assignment=first, rater=rater, now=NOW)
        Trace.objects.exclude(pk=first.trace_id).update(wants_ratings=False)

        again = lease(project, rater, NEED_ARM)

        again.refresh_from_db()
        assert (again.selected_by, again.selection_probability) == (SelectedBy.RANDOM, 0.25)

    def test_work_that_was_begun_comes_back_first(self) -> None:
        project = make_project()
        make_traces(project, 5)
        rater = make_member(project)
        begun = lease(project, rater, RANDOM_ARM, 0.5)
        ratings.save_draft(
            assignment=begun, rater=rater, draft=Draft(labels=(1, None, None)), base_revision=0, now=NOW
        )
        expire_leases(now=LATER)

        again = lease(project, rater, RANDOM_ARM, 0.9, now=LATER)

        assert again.pk == begun.pk
        assert ratings.get_draft(again).labels == (1, None, None)


class TestPlaces:
    pytestmark = pytest.mark.django_db

    def test_a_trace_is_held_by_no_more_raters_than_the_overlap(self) -> None:
        project = make_project(overlap=2)
        [trace] = make_traces(project, 1)
        for _ in range(2):
            lease(project, make_member(project))

        with pytest.raises(NothingToRate):
            lease(project, make_member(project))
        trace.refresh_from_db()
        assert not trace.wants_ratings

    @pytest.mark.parametrize("act", [return_lease, skip_trace])
    def test_a_place_given_back_goes_to_the_next_rater(self, act: Callable[..., None]) -> None:
        project = make_project(overlap=1)
        [trace] = make_traces(project, 1)
        rater = make_member(project)
        assignment = lease(project, rater)
        extra = {"reason": "not for me"} if act is skip_trace else {}

        act(assignment=assignment, rater=rater, now=NOW, **extra)

        assert lease(project, make_member(project)).trace_id == trace.pk

    def test_a_higher_overlap_holds_from_then_on(self) -> None:
        project = make_project(overlap=1)
        [trace] = make_traces(project, 1)
        first = lease(project, make_member(project))
        Project.objects.filter(pk=project.pk).update(overlap=2)
        return_lease(assignment=first, rater=first.rater, now=NOW)

        for _ in range(2):
            assert lease(project, make_member(project)).trace_id == trace.pk

    def test_a_lower_overlap_holds_even_where_a_flag_is_stale(self) -> None:
        project = make_project(overlap=3)
        [trace] = make_traces(project, 1)
        lease(project, make_member(project))
        Project.objects.filter(pk=project.pk).update(overlap=1)

        with pytest.raises(NothingToRate):
            lease(project, make_member(project))
        trace.refresh_from_db()
        assert not trace.wants_ratings


class TestLeases:
    pytestmark = pytest.mark.django_db

    def test_an_expired_lease_gives_its_place_back_and_keeps_its_draft(self) -> None:
        project = make_project(overlap=1)
        [trace] = make_traces(project, 1)
        rater = make_member(project)
        assignment = lease(project, rater)
        ratings.save_draft(
            assignment=assignment, rater=rater, draft=Draft(labels=(1, None, None)), base_revision=0, now=NOW
        )

        assert expire_leases(now=LATER) == 1

        assignment.refresh_from_db()
        trace.refresh_from_db()
        assert (assignment.state, assignment.ended_at) == (AssignmentState.RETURNED, LATER)
        assert trace.wants_ratings
        assert ratings.get_draft(assignment).labels == (1, None, None)

    def test_a_running_lease_is_left_alone(self) -> None:
        project = make_project()
        make_traces(project, 1)
        assignment = lease(project, make_member(project))

        assert expire_leases(now=NOW + dt.timedelta(minutes=29)) == 0

        assignment.refresh_from_db()
        assert assignment.state == AssignmentState.LEASED

    def test_whoever_asks_when_nothing_is_open_gets_what_ran_out(self) -> None:
        project = make_project(overlap=1)
        [trace] = make_traces(project, 1)
        lease(project, make_member(project))

        assert lease(project, make_member(project), now=LATER).trace_id == trace.pk

    def test_a_lease_that_ran_out_is_renewed_while_nobody_took_the_place(self) -> None:
        project = make_project(overlap=1)
        make_traces(project, 1)
        rater = make_member(project)
        assignment = lease(project, rater)
        expire_leases(now=LATER)

        renewed = renew_lease(assignment=assignment, rater=rater, now=LATER)

        assert (renewed.state, renewed.expires_at) == (
            AssignmentState.LEASED,
            LATER + dt.timedelta(minutes=30),
        )
        with pytest.raises(NothingToRate):
            lease(project, make_member(project), now=LATER)

    def test_a_lease_whose_place_is_taken_can_not_be_renewed(self) -> None:
        project = make_project(overlap=1)
        make_traces(project, 1)
        rater = make_member(project)
        assignment = lease(project, rater)
        expire_leases(now=LATER)
        lease(project, make_member(project), now=LATER)

        with pytest.raises(LeaseExpired):
            renew_lease(assignment=assignment, rater=rater, now=LATER)

    def test_a_skip_stores_its_reason_and_is_harmless_twice(self) -> None:
        assignment = make_assignment()

        for reason in ("too long\x00", "again"):
            skip_trace(assignment=assignment, rater=assignment.rater, reason=reason, now=NOW)

        assignment.refresh_from_db()
        assert (assignment.state, assignment.skip_reason) == (AssignmentState.SKIPPED, "too long")

    @pytest.mark.parametrize("name", ["renew_lease", "return_lease", "skip_trace"])
    def test_nobody_acts_on_anothers_assignment(self, name: str) -> None:
        assignment = make_assignment()
        extra = {"reason": ""} if name == "skip_trace" else {}

        with pytest.raises(NotYours):
            getattr(assignments, name)(
                assignment=assignment, rater=make_member(assignment.trace.project), now=NOW, **extra
            )

        assignment.refresh_from_db()
        assert assignment.state == AssignmentState.LEASED

    @pytest.mark.parametrize("name", ["renew_lease", "return_lease", "skip_trace"])
    def test_a_submitted_trace_can_not_be_taken_back(self, name: str) -> None:
        assignment = make_assignment(state=AssignmentState.SUBMITTED, ended_at=NOW)
        extra = {"reason": ""} if name == "skip_trace" else {}

        with pytest.raises(AlreadySubmitted):
            getattr(assignments, name)(assignment=assignment, rater=assignment.rater, now=NOW, **extra)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("overlap", "num_raters", "num_traces", "share_returned"),
    [(1, 8, 12, 0.0), (2, 8, 10, 0.0), (3, 4, 5, 0.0), (2, 6, 6, 0.2)],
)
def test_concurrent_raters_drain_a_project_exactly(
    overlap: int, num_raters: int, num_traces: int, share_returned: float
) -> None:
    """Each on a connection of its own: no rating beyond the overlap, no trace lost, nobody stuck."""
    project = make_project(overlap=overlap)
    make_traces(project, num_traces)
    raters = [make_member(project) for _ in range(num_raters)]
    failures: list[BaseException] = []

    def work(rater: Account, seed: int) -> None:
        source = random.Random(seed)
        try:
            while True:
                assignment = lease_next(project=project, rater=rater, now=NOW, source=source)
                if source.random() < share_returned:
                    return_lease(assignment=assignment, rater=rater, now=NOW)
                else:
                    rate_all_good(assignment)
        except NothingToRate:
            pass
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(rater, seed)) for seed, rater in enumerate(raters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failures == []
    submitted = Counter(
        Assignment.objects.filter(state=AssignmentState.SUBMITTED).values_list("trace_id", flat=True)
    )
    # A place given back when everyone else had stopped stays open, and the flag says so.
    still_open = set(Trace.objects.filter(wants_ratings=True).values_list("pk", flat=True))
    for trace in Trace.objects.filter(project=project):
        assert submitted[trace.pk] <= overlap
        assert (trace.pk in still_open) == (submitted[trace.pk] < overlap)
    assert share_returned or not still_open
    assert Assignment.objects.filter(state=AssignmentState.LEASED).count() == 0


@pytest.mark.django_db(transaction=True)
def test_one_raters_concurrent_requests_get_the_same_trace() -> None:
    project = make_project()
    make_traces(project, 10)
    rater = make_member(project)
    got: list[int] = []

    def ask(seed: int) -> None:
        try:
            got.append(lease_next(project=project, rater=rater, now=NOW, source=random.Random(seed)).trace_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(got) == 6
    assert len(set(got)) == 1
