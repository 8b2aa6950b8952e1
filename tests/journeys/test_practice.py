"""Practice in a real browser: the tutorial by key, the test, the admin's page and My work, in light and dark."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.models import Gold, PracticeAnswer, Project, QualificationAttempt, Role
from tests.annotation.practice_worlds import make_practice_project, right_labels
from tests.factories import make_member, make_trace
from tests.journeys.accessibility import SCHEMES, expect_no_violations
from tests.journeys.cockpit import press
from tests.journeys.conftest import OpenPage
from tests.journeys.test_rating_everywhere import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
KEYS = {1: "3", -1: "1"}


def keys_for(gold: Gold) -> list[str]:
    """What somebody presses who knows."""
    return [KEYS[label] for label in right_labels(gold) if label is not None]


def open_practice(page: Page, project: Project) -> None:
    page.goto(reverse("annotation:show_practice", args=[project.slug]))


def shown_gold(page: Page) -> Gold:
    return Gold.objects.get(trace=page.locator("input[name=trace]").input_value())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_tutorial_is_rated_by_key_and_tells_what_is_known(open_page: OpenPage, scheme: str) -> None:
    project, rater = make_practice_project(num_tutorial=6, guidelines="Look *closely*.")
    page = open_page(rater, color_scheme=scheme)
    open_practice(page, project)
    expect_no_violations(page)
    page.get_by_role("link", name="Start the tutorial").click()
    expect(page.locator("form.has-script")).to_be_visible()
    expect_no_violations(page)

    press(page, *keys_for(shown_gold(page)), "Enter")
    expect(page.get_by_text("Right: every step stands.")).to_be_visible()
    expect(page.get_by_text("Because of reason 0.")).to_be_visible()
    expect_no_violations(page)
    page.get_by_role("link", name="Next trace").click()
    expect(page.locator("form.has-script")).to_be_visible()
    press(page, "a", "Enter")

    expect(page.get_by_text("Step 2 makes an error that you let pass.")).to_be_visible()
    assert list(PracticeAnswer.objects.order_by("pk").values_list("is_right", flat=True)) == [True, False]
    open_practice(page, project)
    expect(page.get_by_text("Not quite")).to_have_count(1)


def test_a_passed_test_opens_the_work_behind_it(open_page: OpenPage) -> None:
    project, rater = make_practice_project(num_test=3, qualification_traces=3)
    make_trace(project=project)
    page = open_page(rater)
    page.goto(reverse("annotation:next_trace", args=[project.slug]))
    expect(page.get_by_role("heading", name="Practice")).to_be_visible()

    page.get_by_role("button", name="Start the test").click()
    for number in range(1, 4):
        expect(page.get_by_role("heading", name=f"Test, trace {number} of 3")).to_be_visible()
        expect(page.locator("form.has-script")).to_be_visible()
        press(page, *keys_for(shown_gold(page)), "Enter")

    expect(page.get_by_text("Attempt 1: 3 of 3 right")).to_be_visible()
    expect_no_violations(page)
    page.get_by_role("link", name="Rate traces").click()
    expect(page.get_by_role("heading", name="Rate this trace")).to_be_visible()


def test_without_a_script_practice_is_complete(open_page: OpenPage) -> None:
    project, rater = make_practice_project(num_test=2, num_tutorial=1)
    page = open_page(rater, java_script_enabled=False)
    open_practice(page, project)
    page.get_by_role("link", name="Start the tutorial").click()
    for number in (1, 2, 3):
        page.locator(f"#step-{number}").get_by_text("Good", exact=True).click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Right: every step stands.")).to_be_visible()

    open_practice(page, project)
    page.get_by_role("button", name="Start the test").click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Step 1 is not judged yet.")).to_be_visible()
    for _ in range(2):
        page.locator("#step-1").get_by_text("Neutral", exact=True).click()
        page.locator("#step-2").get_by_text("Bad", exact=True).click()
        page.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("1 of 2 right")).to_be_visible()
    expect(page.get_by_text("Not passed")).to_be_visible()
    assert QualificationAttempt.objects.get().has_passed is False


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_admin_sets_gold_aside_and_closes_the_gate(open_page: OpenPage, scheme: str) -> None:
    project, rater = make_practice_project(num_work=10, qualification_traces=2)
    page = open_page(make_member(project, Role.ADMIN), color_scheme=scheme)
    page.goto(reverse("annotation:manage_practice", args=[project.slug]))

    page.get_by_role("button", name="Fill the tutorial up to 6").click()
    expect(page.get_by_text("6 gold traces are set aside.")).to_be_visible()
    page.get_by_role("button", name="Set gold aside for the test").click()
    page.get_by_label("Raters pass a test before they are handed work").check()
    page.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("The test is saved.")).to_be_visible()
    expect_no_violations(page)

    page.get_by_role("button", name=f"Let in without the test: {rater}", exact=True).click()
    expect(page.get_by_text("may rate without the test.")).to_be_visible()
    assert QualificationAttempt.objects.get().rater == rater


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("device", [{}, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_on_my_work_and_practice(
    open_page: OpenPage, scheme: str, device: dict[str, object]
) -> None:
    project, rater = make_practice_project(num_test=2, num_tutorial=6, shows_gold_accuracy=True)
    make_trace(project=project)
    page = open_page(rater, color_scheme=scheme, **device)

    for view, args in (("my_work", []), ("show_practice", [project.slug])):
        page.goto(reverse(f"annotation:{view}", args=args))
        expect(page.locator("h1")).to_be_visible()
        expect_no_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
