"""Raters on connections of their own, all at once, whatever they do: nothing beyond the overlap, nothing lost.

They work on three days. On the first some go away in the middle of a trace. On the second the others work on, and take
the places of leases that have run out. On the third everybody is back, some with the rating of what they left lying. An
admin changes the overlap on any of these days. The database itself watches meanwhile that no place is given beyond the
overlap that holds at that moment.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import pytest
from django.db import InternalError, connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotation.actions.assignments import NothingToRate, expire_leases, lease_next, return_lease, skip_trace
from annotation.actions.gold import make_gold
from annotation.actions.projects import ProjectSettings, update_project
from annotation.actions.ratings import LeaseExpired, NewRating, save_draft, submit_rating
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
from annotation.rules.draft import Draft
from tests.factories import NOW, make_assignment, make_member, make_project, make_prompt, make_trace

RATE, SKIP, RETURN, ABANDON = "rate", "skip", "return", "abandon"
LABELS = (1, 1, 1)
_WATCH = """
CREATE FUNCTION watch_places() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE num_raters integer; most integer;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = 'leased' THEN RETURN NULL; END IF;
  SELECT count(*) INTO num_raters FROM annotation_assignment
    WHERE trace_id = NEW.trace_id AND state IN ('leased', 'submitted');
  SELECT project.overlap INTO most FROM annotation_trace t JOIN annotation_project project ON project.id = t.project_id
    WHERE t.id = NEW.trace_id AND NOT EXISTS (SELECT 1 FROM annotation_gold WHERE trace_id = t.id);
  IF num_raters > most THEN
    RAISE EXCEPTION 'Trace % was given to % raters, at an overlap of %.', NEW.trace_id, num_raters, most;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER watch_places AFTER INSERT OR UPDATE OF state ON annotation_assignment
  FOR EACH ROW WHEN (NEW.state = 'leased') EXECUTE FUNCTION watch_places();
"""


@pytest.fixture
def watched_places(transactional_db: None) -> Iterator[None]:
    """Whoever takes a place beyond the overlap that holds then gets an error. Gold has places for all."""
    with connection.cursor() as cursor:
        cursor.execute(_WATCH)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER watch_places ON annotation_assignment; DROP FUNCTION watch_places()")


@dataclass(frozen=True)
class Plan:
    """A project and what happens in it. `overlaps`: at first, and after the change that an admin makes meanwhile, on
    `day_of_change`. keeps_drafts: who goes away leaves a draft; sends_late: and sends the rating when they are back."""

    overlaps: tuple[int, int]
    day_of_change: int
    num_raters: int
    num_traces: int
    num_gold: int
    forbids_own: bool
    leases_ahead: bool
    keeps_drafts: bool
    sends_late: bool
    acts: tuple[str, ...]
    seed: int


PLANS = st.builds(
    Plan,
    overlaps=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    day_of_change=st.integers(0, 2),
    num_raters=st.integers(2, 6),
    num_traces=st.integers(1, 6),
    num_gold=st.integers(0, 2),
    forbids_own=st.booleans(),
    leases_ahead=st.booleans(),
    keeps_drafts=st.booleans(),
    sends_late=st.booleans(),
    acts=st.lists(
        st.sampled_from([RATE, RATE, RATE, SKIP, RETURN, ABANDON, ABANDON]), min_size=1, max_size=6
    ).map(tuple),
    seed=st.integers(0, 2**16),
)


# Two leave the only places of two traces, others take them, and both come with a rating for which there is no room.
LATE = Plan(
    overlaps=(1, 1),
    day_of_change=0,
    num_raters=3,
    num_traces=2,
    num_gold=0,
    forbids_own=False,
    leases_ahead=False,
    keeps_drafts=False,
    sends_late=True,
    acts=(ABANDON, RATE),
    seed=0,
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

        lease = dt.timedelta(minutes=self.project.lease_minutes)
        self.days = (NOW, NOW + lease, NOW + 2 * lease)
        self.abandoned: dict[int, Assignment] = {}

    def work(self, rater: Account, acts: tuple[str, ...], seed: int, now: dt.datetime) -> None:
        """Takes traces and does what the plan says with each, until nothing is left or they go away."""
        source = random.Random(seed)
        for number in range(200):  # far more than there is: who is stuck fails, and not for ever
            try:
                assignment = self.lease(rater, source, now)
            except NothingToRate:
                return
            what = acts[number] if number < len(acts) else RATE
            if what == ABANDON and now == NOW:
                self.abandon(assignment)
                return
            self.act(what, assignment, now)
        raise AssertionError("A rater is handed traces for ever.")

    def lease(self, rater: Account, source: random.Random, now: dt.datetime) -> Assignment:
        assignment = lease_next(project=self.project, rater=rater, now=now, source=source)
        if self.plan.leases_ahead:
            with contextlib.suppress(NothingToRate):
                lease_next(project=self.project, rater=rater, now=now, source=source, shown=assignment.pk)
        return assignment

    def abandon(self, assignment: Assignment) -> None:
        self.abandoned[assignment.rater_id] = assignment
        if self.plan.keeps_drafts:
            draft = Draft(labels=(1, None, None))
            revision = assignment.draft_revision
            save_draft(
                assignment=assignment, rater=assignment.rater, draft=draft, base_revision=revision, now=NOW
            )

    def come_back(self, rater: Account) -> None:
        """With the rating of what they left lying, as a page does that was open over night."""
        left = self.abandoned.get(rater.pk)
        if left is not None and self.plan.sends_late:
            with contextlib.suppress(LeaseExpired):
                self.act(RATE, left, self.days[2])

    def act(self, what: str, assignment: Assignment, now: dt.datetime) -> None:
        rater = assignment.rater
        if what == SKIP:
            skip_trace(assignment=assignment, rater=rater, reason="", now=now)
        elif what == RETURN:
            return_lease(assignment=assignment, rater=rater, now=now)
        else:
            rating, key = NewRating(labels=LABELS), uuid4()
            submit_rating(assignment=assignment, rater=rater, rating=rating, idempotency_key=key, now=now)

    def change_overlap(self) -> None:
        project = Project.objects.get(pk=self.project.pk)
        wanted = {**ProjectSettings.of(project).__dict__, "overlap": self.plan.overlaps[1]}
        update_project(project=project, settings=ProjectSettings(**wanted), actor=self.admin, now=NOW)

    def run(self) -> list[BaseException]:
        """All days, everybody at once; then each rater once more, for what came back late."""
        failures = [failure for day in range(3) for failure in self.live(day)]
        for number, rater in enumerate(self.raters):
            self.work(rater, (RATE,), number, self.days[2])
        return failures

    def live(self, day: int) -> list[BaseException]:
        """One day, each person on a connection of their own. What went wrong."""
        failures: list[BaseException] = []

        def on_own_connection(act: Callable[[], None]) -> None:
            try:
                act()
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        def spend_day(number: int, rater: Account) -> None:
            if day == 1 and rater.pk in self.abandoned:
                return
            if day == 2:
                self.come_back(rater)
            acts = self.plan.acts[number % len(self.plan.acts) :]
            self.work(rater, acts, self.plan.seed + number, self.days[day])

        acts: list[Callable[[], None]] = [partial(spend_day, *each) for each in enumerate(self.raters)]
        if day == self.plan.day_of_change:
            acts.insert(0, self.change_overlap)
        threads = [threading.Thread(target=on_own_connection, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return failures


@pytest.mark.usefixtures("watched_places")
@pytest.mark.django_db(transaction=True)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS)
@example(plan=LATE)
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


@pytest.mark.usefixtures("watched_places")
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
    assert expire_leases(now=world.days[2]) == 0  # what ran out was taken again or given back


@pytest.mark.usefixtures("watched_places")
@pytest.mark.django_db(transaction=True)
def test_a_place_beyond_the_overlap_would_be_noticed() -> None:
    """So that the tests above can fail."""
    trace = make_trace(make_prompt(make_project(overlap=1)))
    first = make_assignment(trace)
    with pytest.raises(InternalError, match="was given to 2 raters, at an overlap of 1"):
        make_assignment(trace)
    late = make_assignment(trace, state=AssignmentState.RETURNED, ended_at=NOW)
    with pytest.raises(InternalError, match="was given to 2 raters"):
        Assignment.objects.filter(pk=late.pk).update(state=AssignmentState.LEASED, ended_at=None)

    Assignment.objects.filter(pk=first.pk).update(expires_at=NOW)  # renewing what one holds is nothing new
    assert trace.assignments.count() == 2
