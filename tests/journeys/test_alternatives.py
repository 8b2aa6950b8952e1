"""Alternatives to the first error, in a real browser: asked for by key, seen to arrive, picked, and stored."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from annotation.models import Account, Assignment, JobState, Project, Rating, StepBranch
from tests.factories import (
    make_alternative,
    make_batch,
    make_branch,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)
from tests.journeys.accessibility import SCHEMES, expect_no_violations
from tests.journeys.cockpit import expect_saved, press, start_rating, wait_until
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STEPS = ("Tom has 3.\n", "He buys 4: $3 + 4 = 8$.\n", "The answer is 8.")


def make_generated_project() -> tuple[Project, Account]:
    """A project with one trace of a batch, and a rater."""
    project = make_project()
    make_trace(make_prompt(project), steps=STEPS, batch=make_batch(project), sample_index=0)
    return project, make_member(project)


def finish_branch() -> None:
    StepBranch.objects.update(state=JobState.FINISHED, finished_at=timezone.now())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_alternatives_arrive_one_by_one_and_a_picked_one_is_the_rewrite(
    open_page: OpenPage, scheme: str
) -> None:
    project, rater = make_generated_project()
    page = open_page(rater, color_scheme=scheme)
    start_rating(page, project)

    press(page, "3", "1")
    expect(page.locator("[data-alternatives-open]")).to_have_count(1)
    press(page, "t")
    expect(page.locator("#step-2 [data-alternatives]")).to_contain_text("0 alternatives so far")
    branch = StepBranch.objects.get()
    make_alternative(branch, index=0, text="He buys 4: $3 + 4 = 7$.\n")
    expect(page.locator("#step-2 .alternative")).to_have_count(1)
    make_alternative(branch, index=1, text="So he has <b>seven</b>.\n")
    finish_branch()
    expect(page.locator("#step-2 .alternative")).to_have_count(2)
    expect(page.get_by_role("button", name="Ask for more")).to_be_visible()
    expect_no_violations(page)

    page.locator("#step-2 .alternative").nth(0).get_by_role("button", name="Use this").click()
    expect(page.locator("textarea[name=rewrite-1]")).to_have_value("He buys 4: $3 + 4 = 7$.\n")
    expect_saved(page)
    page.locator("#step-2 [data-card]").focus()
    press(page, "Enter")

    wait_until(lambda: Rating.objects.exists())
    rating = Rating.objects.get()
    assert rating.rewrites == {"1": "He buys 4: $3 + 4 = 7$.\n"}
    assert rating.labels == [1, -1, None]


def test_the_offer_follows_the_first_error_and_goes_with_it(open_page: OpenPage) -> None:
    project, rater = make_generated_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "3", "3", "1", "t")
    expect(page.locator("#step-3 [data-alternatives]")).to_be_visible()
    press(page, "k", "1")
    expect(page.locator("#step-2 [data-alternatives-open]")).to_be_visible()
    expect(page.locator("[data-alternatives]")).to_have_count(0)
    press(page, "k", "3", "3")
    expect(page.locator("[data-alternatives-open]")).to_have_count(1)  # step 3 is the first error again
    press(page, "3")

    expect(page.locator("[data-alternatives-open]")).to_have_count(0)


def test_without_a_script_a_page_of_its_own_does_it_all(open_page: OpenPage) -> None:
    project, rater = make_generated_project()
    page = open_page(rater, java_script_enabled=False)
    page.goto(reverse("annotation:next_trace", args=[project.slug]))
    page.locator("#step-1").get_by_text("Good", exact=True).click()
    page.locator("#step-2").get_by_text("Bad", exact=True).click()
    page.get_by_role("button", name="Save the draft").click()

    page.get_by_role("link", name="Alternatives").click()
    page.get_by_role("button", name="Ask the model").click()
    make_alternative(StepBranch.objects.get(), text="He has 7 now.\n")
    page.get_by_role("link", name="Look again").click()
    page.get_by_role("button", name="Use this").click()

    expect(page.locator("textarea[name=rewrite-1]")).to_have_value("He has 7 now.\n")
    page.get_by_role("button", name="Submit and go on").click()
    assert Rating.objects.get().rewrites == {"1": "He has 7 now.\n"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_on_the_page_of_alternatives(open_page: OpenPage, scheme: str) -> None:
    project, rater = make_generated_project()
    page = open_page(rater, color_scheme=scheme)
    start_rating(page, project)
    press(page, "3", "1")
    expect_saved(page)
    assignment = Assignment.objects.get()
    branch = make_branch(assignment, state=JobState.FINISHED, finished_at=timezone.now())
    make_alternative(branch, text="He buys 4: $3 + 4 = 7$.\n")

    page.goto(reverse("annotation:show_alternatives", args=[assignment.pk, 1]))
    expect(page.get_by_role("heading", name="Alternatives to step 2")).to_be_visible()
    expect_no_violations(page)

    page.get_by_label("Write the step").fill("He has 7.")
    page.get_by_role("button", name="Use what I wrote").click()
    expect(page.locator("textarea[name=rewrite-1]")).to_have_value("He has 7.")
