"""Raters on connections of their own, all at once, whatever they do: nothing beyond the overlap, nothing lost."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.actions import ratings
from annotation.actions.assignments import NothingToRate, expire_leases, lease_next, return_lease, skip_trace
from annotation.actions.gold import make_gold
from annotation.actions.projects import ProjectSettings, update_project
from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    GoldSource,
    Project,
    Rating,
    Role,
    SelectedBy,
    Trace,
)
from tests.factories import NOW, make_member, make_project, make_prompt, make_trace

RATE, SKIP, RETURN = "rate", "skip", "return"


@dataclass(frozen=True)
class Plan:
    """A project and what happens in it. `overlaps`: at first, and after the change that an admin makes meanwhile."""

    overlaps: tuple[int, int]
    num_raters: int
    num_traces: int
    num_gold: int
    forbids_own: bool
    leases_ahead: bool
    acts: tuple[str, ...]
    seed: int


PLANS = st.builds(
    Plan,
    overlaps=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    num_raters=st.integers(2, 6),
    num_traces=st.integers(1, 6),
    num_gold=st.integers(0, 2),
    forbids_own=st.booleans(),
    leases_ahead=st.booleans(),
    acts=st.lists(st.sampled_from([RATE, RATE, RATE, SKIP, RETURN]), min_size=1, max_size=6).map(tuple),
    seed=st.integers(0, 2**16),
)


class World:
    """A plan come to life: its rows, and what its people do."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.project = make_project(
            overlap=plan.overlaps[0], gold_share=0.3, forbids_own_prompts=plan.forbids_own
        )
        self.admin = make_member(self.project, Role.ADMIN)
        self.raters = [make_member(self.project) for _ in range(plan.num_raters)]
        own = make_prompt(self.project, created_by=self.raters[0])
        prompts = [own, make_prompt(self.project)]
        self.traces = [make_trace(prompts[number % 2]) for number in range(plan.num_traces)]
        for number in range(plan.num_gold):
            gold = make_trace(prompts[number % 2])
            make_gold(
                trace=gold,
                stands=(True,) * 3,
                source=GoldSource.IMPORTED,
                actor=self.admin,
                now=NOW,
            )

    def work(self, rater: Account, acts: tuple[str, ...], seed: int) -> None:
        """Takes traces and does what the plan says with each, until nothing is left."""
        source = random.Random(seed)
        for number in range(
            200
        ):  # far more than there is to do: who is stuck gives a failure and no endless test
            try:
                assignment = self.lease(rater, source)
            except NothingToRate:
                return
            self.act(acts[number % len(acts)] if number < len(acts) else RATE, assignment)
        raise AssertionError("A rater is handed traces for ever.")

    def lease(self, rater: Account, source: random.Random) -> Assignment:
        assignment = lease_next(project=self.project, rater=rater, now=NOW, source=source)
        if self.plan.leases_ahead:
            with contextlib.suppress(NothingToRate):
                lease_next(project=self.project, rater=rater, now=NOW, source=source, shown=assignment.pk)
        return assignment

    def act(self, what: str, assignment: Assignment) -> None:
        rater = assignment.rater
        if what == SKIP:
            skip_trace(assignment=assignment, rater=rater, reason="", now=NOW)
        elif what == RETURN:
            return_lease(assignment=assignment, rater=rater, now=NOW)
        else:
            ratings.submit_rating(
                assignment=assignment,
                rater=rater,
                rating=ratings.NewRating(labels=(1, 1, 1)),
                idempotency_key=uuid4(),
                now=NOW,
            )

    def change_overlap(self) -> None:
        project = Project.objects.get(pk=self.project.pk)
        wanted = {**ProjectSettings.of(project).__dict__, "overlap": self.plan.overlaps[1]}
        update_project(project=project, settings=ProjectSettings(**wanted), actor=self.admin, now=NOW)

    def run(self) -> list[BaseException]:
        """Everybody at once, the admin's change among them; then each rater once more, for what came back late."""
        failures: list[BaseException] = []

        def on_own_connection(act: Callable[[], None]) -> None:
            try:
                act()
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        acts: list[Callable[[], None]] = [self.change_overlap]
        for number, rater in enumerate(self.raters):
            acts.append(
                lambda rater=rater, number=number: self.work(  # type: ignore[misc]
                    rater, self.plan.acts[number % len(self.plan.acts) :], self.plan.seed + number
                )
            )
        threads = [threading.Thread(target=on_own_connection, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        for number, rater in enumerate(self.raters):
            self.work(rater, (RATE,), number)
        return failures


@pytest.mark.django_db(transaction=True)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS)
def test_whatever_raters_do_at_once_the_overlap_holds_and_no_trace_is_lost(plan: Plan) -> None:
    world = World(plan)

    assert world.run() == []

    ordinary = Assignment.objects.filter(trace__in=world.traces)
    submitted = Counter(ordinary.filter(state=AssignmentState.SUBMITTED).values_list("trace_id", flat=True))
    had = set(ordinary.exclude(state=AssignmentState.RETURNED).values_list("trace_id", "rater_id"))
    for trace in Trace.objects.filter(pk__in=[trace.pk for trace in world.traces]):
        assert submitted[trace.pk] <= max(plan.overlaps)
        assert trace.wants_ratings == (submitted[trace.pk] < plan.overlaps[1])
        if trace.wants_ratings:  # nobody was turned away from it who could have rated it
            barred = {trace.prompt.created_by_id} if plan.forbids_own else set()
            assert all((trace.pk, rater.pk) in had for rater in world.raters if rater.pk not in barred)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS)
def test_whatever_raters_do_at_once_nobody_gets_a_trace_twice_gold_in_the_queue_or_their_own(
    plan: Plan,
) -> None:
    world = World(plan)

    assert world.run() == []

    pairs = Counter(
        Rating.objects.current().filter(trace__project=world.project).values_list("trace_id", "rater_id")
    )
    gold = Assignment.objects.filter(trace__project=world.project, trace__gold__isnull=False)
    own = Assignment.objects.filter(trace__project=world.project, trace__prompt__created_by=world.raters[0])
    assert all(num == 1 for num in pairs.values())
    assert set(gold.values_list("selected_by", flat=True)) <= {SelectedBy.GOLD}
    assert not (plan.forbids_own and own.filter(rater=world.raters[0]).exists())
    assert not Trace.objects.filter(gold__isnull=False, wants_ratings=True).exists()
    assert expire_leases(now=NOW) == 0
