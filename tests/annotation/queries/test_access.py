"""What an account may see is decided in the query."""

from __future__ import annotations

import pytest

from annotation.models import Assignment, Membership, Project, Role
from annotation.queries.access import (
    find_assigned_to,
    get_roles,
    list_assigned_to,
    list_projects_of,
    list_projects_with_role,
)
from tests.factories import (
    NOW,
    make_account,
    make_assignment,
    make_member,
    make_project,
    make_prompt,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    make_project()  # somebody else's
    return make_project()


def make_lease(project: Project) -> Assignment:
    return make_assignment(make_trace(make_prompt(project)))


def test_a_member_sees_their_projects_and_no_other(project: Project) -> None:
    assert list(list_projects_of(make_member(project))) == [project]


def test_an_outsider_sees_none() -> None:
    make_project()

    assert not list_projects_of(make_account())


def test_a_site_admin_sees_all(project: Project) -> None:
    assert list_projects_of(make_site_admin()).count() == 2


def test_two_roles_are_one_project(project: Project) -> None:
    rater = make_member(project)
    Membership.objects.create(project=project, account=rater, role=Role.ENGINEER, created_at=NOW)

    assert list(list_projects_of(rater)) == [project]
    assert get_roles(rater, project) == {Role.RATER, Role.ENGINEER}


def test_a_site_admin_holds_every_role(project: Project) -> None:
    assert get_roles(make_site_admin(), project) == frozenset(Role)


def test_a_paused_role_is_not_held(project: Project) -> None:
    rater = make_member(project)
    Membership.objects.create(project=project, account=rater, role=Role.ADMIN, created_at=NOW, paused_at=NOW)

    assert get_roles(rater, project) == {Role.RATER}
    assert not list_projects_with_role(rater, [Role.ADMIN])


def test_a_role_in_one_project_is_none_in_another(project: Project) -> None:
    admin_elsewhere = make_member(make_project(), Role.ADMIN)
    Membership.objects.create(project=project, account=admin_elsewhere, role=Role.RATER, created_at=NOW)

    assert project not in list_projects_with_role(admin_elsewhere, [Role.ADMIN])
    assert project in list_projects_with_role(admin_elsewhere, [Role.ADMIN, Role.RATER])


def test_a_rater_sees_their_own_assignments(project: Project) -> None:
    own = make_lease(project)
    make_lease(project)

    assert list(list_assigned_to(own.rater)) == [own]
    assert find_assigned_to(own.rater, own.pk) == own


@pytest.mark.parametrize("end", ["paused", "removed", "archived"])
def test_who_is_no_rater_any_more_sees_none(project: Project, end: str) -> None:
    own = make_lease(project)
    if end == "paused":
        own.rater.membership_set.update(paused_at=NOW)
    elif end == "removed":
        own.rater.membership_set.all().delete()
    else:
        Project.objects.filter(pk=project.pk).update(archived_at=NOW)

    assert not list_assigned_to(own.rater)
    assert find_assigned_to(own.rater, own.pk) is None


def test_an_admin_does_not_see_a_raters_desk(project: Project) -> None:
    lease = make_lease(project)

    for admin in (make_member(project, Role.ADMIN), make_site_admin()):
        assert not list_assigned_to(admin)
        assert find_assigned_to(admin, lease.pk) is None


def test_a_site_admin_sees_what_they_hold_themselves_unless_the_project_is_archived(
    project: Project,
) -> None:
    own = make_assignment(make_trace(make_prompt(project)), make_site_admin())
    assert find_assigned_to(own.rater, own.pk) == own

    Project.objects.filter(pk=project.pk).update(archived_at=NOW)

    assert find_assigned_to(own.rater, own.pk) is None
