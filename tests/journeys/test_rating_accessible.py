"""What a rater opens from the rating page and reads afterwards: axe finds nothing there, in light and dark."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import make_judge_score, make_rating, make_trace
from tests.journeys.accessibility import SCHEMES, expect_no_violations
from tests.journeys.cockpit import SIX_STEPS, make_rating_project, press, start_rating
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_in_what_opens_over_a_trace_and_on_the_pages_behind_it(
    open_page: OpenPage, scheme: str
) -> None:
    project, rater = make_rating_project(error_categories=["Arithmetic", "Logic"])
    page = open_page(rater, color_scheme=scheme)
    start_rating(page, project)

    press(page, "3", "1", "e")
    expect(page.locator("[data-panel]")).to_be_visible()
    expect_no_violations(page)
    press(page, "1", "c")
    expect(page.locator("#step-2 textarea[name^=note]")).to_be_visible()
    press(page, "Escape", "o")
    expect(page.locator("#step-2 [data-source-text]")).to_be_visible()
    press(page, "i")
    expect(page.get_by_role("dialog", name="Guidelines")).to_be_visible()
    expect_no_violations(page)
    press(page, "Escape", "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    expect_no_violations(page)
    press(page, "Escape", "u")
    expect(page.locator("dialog[open]")).to_be_visible()
    expect_no_violations(page)

    trace = make_trace(project.prompt_set.get(), steps=SIX_STEPS)
    make_judge_score(trace, probabilities=[0.9] * 6)
    first = make_rating(trace, rater, (1, 1, 0, 1, 1, 1), is_current=False)
    make_rating(
        trace,
        labels=(1, 1, -1, None, None, None),
        assignment=first.assignment,
        revision=2,
        rewrites={"2": "3 + 1 = 4"},
    )
    for view, args in (
        ("edit_keys", []),
        ("show_rating", [first.assignment_id]),
        ("show_revision", [first.assignment_id, 1]),
        ("my_work", []),
        ("show_project", [project.slug]),
    ):
        page.goto(reverse(f"annotation:{view}", args=args))
        expect(page.locator("h1")).to_be_visible()
        expect_no_violations(page)
