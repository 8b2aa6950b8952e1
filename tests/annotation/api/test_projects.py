"""/projects/"""

from __future__ import annotations

import pytest

from annotation.models import Role
from tests.annotation.api.callers import make_caller
from tests.factories import make_account, make_member, make_project, make_site_admin

pytestmark = pytest.mark.django_db


def test_members_see_their_projects_with_the_roles_they_hold() -> None:
    project = make_project()
    make_project()
    caller = make_caller(make_member(project, Role.ENGINEER))

    listed = caller.get("/api/v1/projects/").json()
    one = caller.get(f"/api/v1/projects/{project.slug}/").json()

    assert listed["results"] == [one]
    assert (one["slug"], one["roles"], one["overlap"]) == (project.slug, ["engineer"], 2)


def test_an_outsider_gets_404_as_for_no_project_at_all() -> None:
    project = make_project()
    caller = make_caller(make_account())

    hidden, missing = caller.get(f"/api/v1/projects/{project.slug}/"), caller.get("/api/v1/projects/none/")

    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json() == missing.json()


def test_a_site_admin_sees_all_projects_a_page_at_a_time() -> None:
    slugs = [make_project().slug for _ in range(5)]
    caller = make_caller(make_site_admin())

    found, address, num_pages = [], "/api/v1/projects/?page_size=2", 0
    while address:
        page = caller.get(address).json()
        found += [row["slug"] for row in page["results"]]
        address, num_pages = page["next"], num_pages + 1

    assert (found, num_pages) == (slugs, 3)


def test_one_never_gets_more_rows_than_the_largest_page() -> None:
    caller = make_caller(make_site_admin())

    assert caller.get("/api/v1/projects/?page_size=1000000").status_code == 200
    assert caller.get("/api/v1/projects/?cursor=nonsense").status_code == 404
