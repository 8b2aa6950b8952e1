"""Each person walks through the pages that are theirs: axe finds nothing there, in light and dark, and a phone need not
scroll sideways. test_no_page_left_out.py has all pages, each seen by whoever sees something else there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.models import Role
from tests.factories import make_member, make_project
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage
from tests.lively_world import make_lively_world

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def look_at(page: Page, addresses: Sequence[str]) -> None:
    for address in addresses:
        page.goto(address)
        expect_fit_to_be_seen(page, address)


def addresses_of(project_slug: str, *views: str) -> list[str]:
    return [reverse(f"annotation:{view}", args=[project_slug]) for view in views]


def test_everybody_else(open_page: OpenPage) -> None:
    world = make_lively_world()
    slug = world.project.slug
    own = [
        reverse(f"annotation:{view}") for view in ("list_projects", "my_work", "list_tokens", "edit_account")
    ]

    look_at(open_page(world.raters[0]), [*addresses_of(slug, "show_project", "list_decisions"), *own])
    paused = open_page(world.raters[1])
    look_at(paused, addresses_of(slug, "next_trace"))
    adjudicator = open_page(make_member(world.project, Role.ADJUDICATOR))
    look_at(adjudicator, addresses_of(slug, "show_project", "list_disagreements"))
    look_at(
        open_page(world.engineer),
        [*addresses_of(slug, "show_project"), reverse("annotation:list_model_specs")],
    )
    outsider = open_page(make_member(make_project(), Role.ADMIN))
    look_at(outsider, addresses_of(slug, "show_project"))
    look_at(open_page(None), [reverse("annotation:sign_in")])
    with_password = make_member(world.project)
    with_password.set_password("is it you?")
    with_password.save()
    asked = open_page(with_password)
    look_at(asked, [reverse("account_reauthenticate")])
    expect(asked.locator("input[type=password]")).to_be_visible()
