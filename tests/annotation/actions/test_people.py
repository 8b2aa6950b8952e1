"""Roles given, paused, resumed and taken away."""

from __future__ import annotations

import pytest

from annotation.actions import people
from annotation.models import AuditEvent, Membership, Role
from annotation.queries.access import get_roles
from tests.factories import (
    NOW,
    make_account,
    make_member,
    make_project,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db


def test_a_member_can_hold_two_roles() -> None:
    project = make_project()
    admin, rater = make_member(project, Role.ADMIN), make_member(project)

    people.grant_role(project=project, account=rater, role=Role.ADJUDICATOR, actor=admin, now=NOW)

    assert get_roles(rater, project) == {Role.RATER, Role.ADJUDICATOR}


def test_giving_a_role_that_is_held_changes_nothing() -> None:
    project = make_project()
    rater = make_member(project)

    people.grant_role(project=project, account=rater, role=Role.RATER, actor=make_site_admin(), now=NOW)

    assert Membership.objects.filter(account=rater).count() == 1
    assert not AuditEvent.objects.exists()


def test_nobody_is_pulled_into_a_project_without_an_invitation() -> None:
    with pytest.raises(people.NotAMember):
        people.grant_role(
            project=make_project(), account=make_account(), role=Role.RATER, actor=make_site_admin(), now=NOW
        )

    assert not Membership.objects.exists()


def test_a_paused_role_is_not_held_until_it_is_resumed() -> None:
    project = make_project()
    admin, rater = make_member(project, Role.ADMIN), make_member(project)
    membership = Membership.objects.get(account=rater)

    people.pause_membership(membership=membership, actor=admin, now=NOW)
    while_paused = get_roles(rater, project)
    people.resume_membership(membership=membership, actor=admin, now=NOW)

    assert while_paused == frozenset()
    assert get_roles(rater, project) == {Role.RATER}
    assert list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True)) == [
        "paused a role",
        "resumed a role",
    ]


def test_pausing_twice_keeps_the_first_time_and_logs_once() -> None:
    project = make_project()
    make_member(project)
    membership, admin = Membership.objects.get(), make_site_admin()

    people.pause_membership(membership=membership, actor=admin, now=NOW)
    people.pause_membership(membership=membership, actor=admin, now=NOW.replace(hour=13))

    membership.refresh_from_db()
    assert membership.paused_at == NOW
    assert AuditEvent.objects.count() == 1


def test_removing_a_rater_keeps_their_ratings() -> None:
    trace = make_trace()
    rater = make_member(trace.project)
    rating = make_rating(trace, rater)

    people.remove_membership(
        membership=Membership.objects.get(account=rater), actor=make_site_admin(), now=NOW
    )

    rating.refresh_from_db()
    assert rating.rater == rater
    assert get_roles(rater, trace.project) == frozenset()


@pytest.mark.parametrize("change", [people.pause_membership, people.remove_membership])
def test_the_last_active_admin_stays(change: object) -> None:
    project = make_project()
    admin, paused = make_member(project, Role.ADMIN), make_member(project, Role.ADMIN)
    Membership.objects.filter(account=paused).update(paused_at=NOW)

    with pytest.raises(people.LastAdmin):
        change(membership=Membership.objects.get(account=admin), actor=admin, now=NOW)  # type: ignore[operator]

    assert get_roles(admin, project) == {Role.ADMIN}


def test_an_admin_may_go_while_another_stays() -> None:
    project = make_project()
    admin, other = make_member(project, Role.ADMIN), make_member(project, Role.ADMIN)

    people.remove_membership(membership=Membership.objects.get(account=admin), actor=admin, now=NOW)

    assert get_roles(other, project) == {Role.ADMIN}


def test_a_site_admin_may_remove_the_last_admin() -> None:
    project = make_project()
    make_member(project, Role.ADMIN)

    people.remove_membership(membership=Membership.objects.get(), actor=make_site_admin(), now=NOW)

    assert not Membership.objects.exists()
