"""Lists in a real browser: sorted, filtered and paged with and without JavaScript, light, dark and on a phone."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.models import Account, Project, Role
from tests.factories import make_member, make_project, make_prompt, make_rating, make_trace
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project() -> Project:
    project = make_project(name="Sums", slug="sums")
    for number in range(60):
        prompt = make_prompt(
            project,
            text=f"How much is {number} + {number}? Think about it step by step.",
            verifier="numeric" if number % 2 else "exact",
        )
        if number < 3:
            make_trace(prompt)
    return project


@pytest.fixture
def engineer(project: Project) -> Account:
    return make_member(project, Role.ENGINEER)


def list_first_column(page: Page) -> list[str]:
    return page.locator("#table-prompts tbody tr td:first-child").all_inner_texts()


def test_a_list_is_sorted_filtered_and_paged_in_place_and_the_back_button_undoes_it(
    open_page: OpenPage, project: Project, engineer: Account
) -> None:
    page = open_page(engineer)
    page.goto(reverse("annotation:list_prompts", args=[project.slug]))
    first = list_first_column(page)
    page.evaluate("window.wasNotReloaded = true")

    page.get_by_role("link", name="No.").click()
    expect(page).to_have_url(re.compile(r"\?sort=-id$"))
    assert list_first_column(page) != first
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51–60 of 60 prompts")).to_be_visible()
    assert page.evaluate("window.wasNotReloaded")

    page.get_by_label("Search the prompts").press_sequentially("is 7 +")
    expect(page.get_by_text("1 prompt", exact=True)).to_be_visible()
    expect(page.get_by_label("Search the prompts")).to_be_focused()
    assert "sort=-id" in page.url  # the filter keeps the order
    page.go_back()
    expect(page.get_by_text("51–60 of 60 prompts")).to_be_visible()


def test_without_javascript_the_same_links_and_form_work(
    open_page: OpenPage, project: Project, engineer: Account
) -> None:
    page = open_page(engineer, java_script_enabled=False)
    page.goto(reverse("annotation:list_prompts", args=[project.slug]))

    page.get_by_label("Verifier", exact=True).select_option("exact")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("30 prompts", exact=True)).to_be_visible()
    page.get_by_role("link", name="Traces", exact=True).last.click()

    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Traces"))
    assert "verifier=exact" in page.url
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("^CSV")).click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "id,text,answer,priority,verifier,traces,added"
    assert len(lines) == 31


@pytest.mark.slow  # test_no_page_left_out.py has these pages too
def test_lists_and_the_overview_are_accessible_and_fit(open_page: OpenPage, project: Project) -> None:
    admin = make_member(project, Role.ADMIN, display_name="Olga")
    make_rating(make_trace(make_prompt(project)), make_member(project, is_simulated=True), active_seconds=30)
    page = open_page(admin)
    for view in ("show_project", "list_prompts", "list_traces", "list_people"):
        page.goto(reverse(f"annotation:{view}", args=[project.slug]))

        expect_fit_to_be_seen(page, view)


def test_a_rater_is_paused_and_a_link_made_in_place(open_page: OpenPage, project: Project) -> None:
    make_member(project, display_name="Ann Lee")
    page = open_page(make_member(project, Role.ADMIN))
    page.goto(reverse("annotation:list_people", args=[project.slug]))
    page.evaluate("window.wasNotReloaded = true")

    page.get_by_role("button", name="Pause the rater Ann Lee").click()
    expect(page.get_by_role("button", name="Resume the rater Ann Lee")).to_be_visible()
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("Copy it now: it is not shown again.")).to_be_visible()

    assert page.evaluate("window.wasNotReloaded")
    assert page.url.endswith("/people/")
