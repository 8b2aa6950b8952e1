"""Making a project, changing its rules, putting it away."""

from __future__ import annotations

import dataclasses

import pytest

from annotation.actions import projects
from annotation.models import AuditEvent, Membership, Project, Role
from annotation.queries.access import list_projects_of
from tests.factories import (
    NOW,
    make_assignment,
    make_member,
    make_project,
    make_prompt,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db


def test_whoever_makes_a_project_is_its_first_admin() -> None:
    actor = make_site_admin()

    project = projects.create_project(slug="sums", name="Sums", description="", actor=actor, now=NOW)

    assert Membership.objects.get(project=project).role == Role.ADMIN
    assert AuditEvent.objects.get(project=project).verb == "made a project"


def test_a_taken_address_is_refused_and_nothing_is_stored() -> None:
    make_project(slug="sums", archived_at=NOW)

    with pytest.raises(projects.SlugTaken, match="a project at sums already"):
        projects.create_project(slug="sums", name="Sums", description="", actor=make_site_admin(), now=NOW)

    assert Project.objects.count() == 1
    assert not Membership.objects.exists()
    assert not AuditEvent.objects.exists()


def test_raising_the_overlap_opens_traces_and_lowering_it_closes_them() -> None:
    project = make_project(overlap=1)
    trace = make_trace(make_prompt(project), wants_ratings=False)
    make_assignment(trace)
    admin = make_member(project, Role.ADMIN)
    one = projects.ProjectSettings.of(project)

    projects.update_project(
        project=project, settings=dataclasses.replace(one, overlap=2), actor=admin, now=NOW
    )
    trace.refresh_from_db()
    opened = trace.wants_ratings
    projects.update_project(project=project, settings=one, actor=admin, now=NOW)
    trace.refresh_from_db()

    assert (opened, trace.wants_ratings) == (True, False)


def test_the_log_says_what_changed_but_does_not_repeat_long_texts() -> None:
    project = make_project()
    settings = dataclasses.replace(
        projects.ProjectSettings.of(project), lease_minutes=45, guidelines="A very long text"
    )

    projects.update_project(project=project, settings=settings, actor=make_site_admin(), now=NOW)

    event = AuditEvent.objects.get(verb="changed settings")
    assert event.details == {"changes": {"lease_minutes": 45}, "texts": ["guidelines"]}
    project.refresh_from_db()
    assert (project.lease_minutes, project.guidelines) == (45, "A very long text")


def test_saving_the_same_settings_again_writes_nothing() -> None:
    project = make_project()

    projects.update_project(
        project=project, settings=projects.ProjectSettings.of(project), actor=make_site_admin(), now=NOW
    )

    assert not AuditEvent.objects.exists()


def test_an_archived_project_is_hidden_from_everyone() -> None:
    project, actor = make_project(), make_site_admin()
    rater = make_member(project)

    projects.archive_project(project=project, actor=actor, now=NOW)

    assert not list_projects_of(rater).exists()
    assert not list_projects_of(actor).exists()
