"""Who may be handed work: active people, and where there is a test those who passed it."""

from __future__ import annotations

import pytest

from annotation.models import Account, AssignmentState, PauseReason, Project, Role
from annotation.queries.crew import Crew, get_crew
from tests.factories import (
    NOW,
    make_assignment,
    make_attempt,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db


def pass_test(project: Project, account: Account, *, has_passed: bool = True) -> None:
    make_attempt(project, account, has_passed=has_passed, finished_at=NOW, num_right=0, trace_ids=[])


def test_an_empty_project_has_no_crew() -> None:
    assert get_crew(make_project()) == Crew((), 0, 0, 0)


def test_only_active_people_who_rate_here_may_be_handed_work() -> None:
    project = make_project()
    first, second = make_member(project), make_member(project)
    make_member(project, is_active=False)
    make_member(project, is_simulated=True)
    make_member(project, Role.ADMIN)
    make_member(make_project())
    for reason in (PauseReason.ADMIN, PauseReason.GOLD, PauseReason.GOLD):
        make_member(project).membership_set.update(paused_at=NOW, pause_reason=reason)

    crew = get_crew(project)

    assert crew.able == (first.pk, second.pk)
    assert (crew.num_untested, crew.num_paused, crew.num_paused_for_gold) == (0, 3, 2)


def test_a_pause_that_is_over_keeps_nobody_from_work() -> None:
    project = make_project()
    back = make_member(project)
    back.membership_set.update(paused_at=None, pause_reason=PauseReason.GOLD, resumed_at=NOW)

    assert get_crew(project) == Crew((back.pk,), 0, 0, 0)


def test_where_there_is_a_test_those_who_have_not_passed_it_are_told_apart() -> None:
    project = make_project(needs_qualification=True)
    passed, failed, new, robot = (make_member(project, is_simulated=number == 3) for number in range(4))
    pass_test(project, passed)
    pass_test(project, failed, has_passed=False)
    pass_test(make_project(), new)  # elsewhere

    crew = get_crew(project)

    assert crew.able == (passed.pk,)
    assert crew.num_untested == 2
    assert robot.is_simulated


def test_a_site_admin_counts_once_they_have_rated_here() -> None:
    """They need no membership: whoever runs a small project alone is its rater."""
    project = make_project()
    rating, idle = make_site_admin(), make_site_admin()
    make_assignment(make_trace(make_prompt(project)), idle, state=AssignmentState.SKIPPED, ended_at=NOW)
    make_rating(make_trace(make_prompt(project)), rating)
    make_rating(make_trace(), idle)

    assert get_crew(project).able == (rating.pk,)

    Project.objects.filter(pk=project.pk).update(needs_qualification=True)
    project.refresh_from_db()
    assert get_crew(project).able == ()
    pass_test(project, rating)
    assert get_crew(project).able == (rating.pk,)


def test_who_is_site_admin_and_rater_counts_once() -> None:
    project = make_project()
    both = make_member(project, is_superuser=True)
    make_rating(make_trace(make_prompt(project)), both)

    assert get_crew(project).able == (both.pk,)
