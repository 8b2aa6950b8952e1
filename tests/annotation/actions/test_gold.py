"""Making a trace gold, and taking that back."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.actions.assignments import NothingToRate, lease_next, return_lease
from annotation.actions.gold import NotGold, TraceRetired, WrongNumberOfSteps, make_gold, remove_gold
from annotation.actions.overlap import refresh_wants_ratings
from annotation.models import Account, AuditEvent, Gold, GoldSource, Role, Trace
from tests.annotation.actions.test_assignments import Loaded, rate_all_good
from tests.factories import NOW, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db

STANDS = (True, False, False)


@pytest.fixture
def trace() -> Trace:
    return make_trace(make_prompt(make_project(overlap=1)))


@pytest.fixture
def admin(trace: Trace) -> Account:
    return make_member(trace.project, Role.ADMIN)


def make(trace: Trace, admin: Account, **fields: Any) -> Gold:
    given = {"stands": STANDS, "source": GoldSource.ADJUDICATED, "actor": admin, "now": NOW, **fields}
    return make_gold(trace=trace, **given)


def test_gold_says_which_steps_stand_who_said_so_and_when(trace: Trace, admin: Account) -> None:
    gold = make(trace, admin, note=" 3 + 4\ud800 is 7\x00 ")

    gold.refresh_from_db()
    assert (gold.stands, gold.note) == ([True, False, False], "3 + 4 is 7")
    assert (gold.source, gold.created_by, gold.created_at) == (GoldSource.ADJUDICATED, admin, NOW)
    event = AuditEvent.objects.get(verb="made gold")
    assert (event.actor, event.project, event.details["stands"]) == (admin, trace.project, list(STANDS))


def test_making_gold_again_replaces_what_was_known(trace: Trace, admin: Account) -> None:
    make(trace, admin)

    make(trace, admin, stands=(True, True, True), source=GoldSource.IMPORTED)

    assert Gold.objects.get(trace=trace).stands == [True, True, True]
    assert AuditEvent.objects.filter(verb="changed gold").count() == 1


@pytest.mark.parametrize("stands", [(), (True, True), (True,) * 4])
def test_gold_needs_a_truth_for_each_step(trace: Trace, admin: Account, stands: tuple[bool, ...]) -> None:
    with pytest.raises(WrongNumberOfSteps, match="3 steps"):
        make(trace, admin, stands=stands)

    assert not Gold.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_trace_that_was_cut_anew_becomes_no_gold(trace: Trace, admin: Account) -> None:
    Trace.objects.filter(pk=trace.pk).update(retired_at=NOW, wants_ratings=False)

    with pytest.raises(TraceRetired):
        make(trace, admin)


def test_gold_leaves_the_queue_and_stays_out_whatever_the_overlap(trace: Trace, admin: Account) -> None:
    make(trace, admin)

    trace.refresh_from_db()
    assert not trace.wants_ratings
    assert refresh_wants_ratings(trace.project) == 0


def test_who_holds_a_trace_that_becomes_gold_goes_on_and_gives_no_place_back(
    trace: Trace, admin: Account
) -> None:
    holder, leaver = make_member(trace.project), make_member(trace.project)
    held = lease_next(project=trace.project, rater=holder, now=NOW, source=Loaded())
    other = make_trace(trace.prompt)
    left = lease_next(project=trace.project, rater=leaver, now=NOW, source=Loaded())
    for one in (trace, other):
        make(one, admin)

    rate_all_good(held)
    return_lease(assignment=left, rater=leaver, now=NOW)

    assert not Trace.objects.filter(wants_ratings=True).exists()
    with pytest.raises(NothingToRate):
        lease_next(project=trace.project, rater=holder, now=NOW, source=Loaded())


def test_what_is_gold_no_more_waits_for_ratings_again(trace: Trace, admin: Account) -> None:
    make(trace, admin)

    remove_gold(trace=trace, actor=admin, now=NOW)

    trace.refresh_from_db()
    assert trace.wants_ratings
    assert not Gold.objects.exists()
    assert AuditEvent.objects.filter(verb="removed gold", actor=admin).exists()


def test_what_never_was_gold_can_not_stop_being_it(trace: Trace, admin: Account) -> None:
    with pytest.raises(NotGold):
        remove_gold(trace=trace, actor=admin, now=NOW)
