"""Priorities of prompts, which their traces follow."""

from __future__ import annotations

import pytest

from annotation.actions.assignments import NothingToRate
from annotation.actions.priorities import follow_prompts, set_priority
from annotation.actions.traces import resegment_trace
from annotation.models import Account, AuditEvent, Priority, Project, Prompt, Role, Trace
from tests.annotation.actions.test_assignments import lease, rate_all_good
from tests.factories import NOW, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(overlap=1)


@pytest.fixture
def admin(project: Project) -> Account:
    return make_member(project, Role.ADMIN)


def change(project: Project, admin: Account, priority: Priority, **wanted: object) -> int:
    return set_priority(
        project=project, prompts=Prompt.objects.filter(**wanted), priority=priority, actor=admin, now=NOW
    )


def test_prompts_and_their_traces_get_the_priority_and_others_keep_theirs(
    project: Project, admin: Account
) -> None:
    wanted, other = make_prompt(project), make_prompt(project)
    traces = [make_trace(wanted), make_trace(wanted), make_trace(other)]

    assert change(project, admin, Priority.FIRST, pk=wanted.pk) == 1

    for row, priority in zip([wanted, *traces], [3, 3, 3, 2], strict=True):
        row.refresh_from_db()
        assert row.priority == priority
    event = AuditEvent.objects.get(verb="set priorities")
    assert (event.actor, event.details) == (admin, {"priority": "First", "prompts": 1})


def test_prompts_of_another_project_stay_as_they_are(project: Project, admin: Account) -> None:
    elsewhere = make_prompt()

    assert change(project, admin, Priority.HELD, pk=elsewhere.pk) == 0

    elsewhere.refresh_from_db()
    assert elsewhere.priority == Priority.USUAL
    assert not AuditEvent.objects.exists()


def test_held_traces_go_to_nobody_until_they_are_let_go(project: Project, admin: Account) -> None:
    trace = make_trace(make_prompt(project))
    rater = make_member(project)

    change(project, admin, Priority.HELD)
    with pytest.raises(NothingToRate):
        lease(project, rater)
    change(project, admin, Priority.LAST)

    assert lease(project, rater).trace_id == trace.pk


def test_who_holds_a_trace_that_is_held_back_goes_on(project: Project, admin: Account) -> None:
    make_trace(make_prompt(project))
    held = lease(project, make_member(project))

    change(project, admin, Priority.HELD)
    rate_all_good(held)
    change(project, admin, Priority.USUAL)

    assert not Trace.objects.filter(wants_ratings=True).exists()


def test_a_new_trace_follows_its_prompt_though_the_prompt_was_read_before_it_changed(
    project: Project, admin: Account
) -> None:
    prompt = make_prompt(project)
    change(project, admin, Priority.HELD)
    first, second = make_trace(prompt), make_trace(make_prompt(project))

    follow_prompts([first.pk, second.pk])

    for trace, expected in ((first, (Priority.HELD, False)), (second, (Priority.USUAL, True))):
        trace.refresh_from_db()
        assert (trace.priority, trace.wants_ratings) == expected


def test_a_trace_cut_anew_keeps_its_priority(project: Project, admin: Account) -> None:
    trace = make_trace(make_prompt(project))
    change(project, admin, Priority.HELD)
    trace.refresh_from_db()

    new = resegment_trace(trace=trace, segmenter="whole@1", actor=admin, now=NOW)

    assert (new.priority, new.wants_ratings) == (Priority.HELD, False)
