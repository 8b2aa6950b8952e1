"""The rating and comparison pages without a script, on a phone, and for a screen reader."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Choice, Comparison, Rating
from tests.factories import make_judge_score
from tests.journeys.accessibility import SCHEMES, expect_no_violations
from tests.journeys.cockpit import expect_saved, make_rating_project, press, shown_labels, start_rating
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def test_without_a_script_one_form_does_everything(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater, java_script_enabled=False)
    page.goto(reverse("annotation:next_trace", args=[project.slug]))

    page.locator("#step-1").get_by_text("Good", exact=True).click()
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_text("Step 2 is not judged yet.")).to_be_visible()
    page.locator("#step-2").get_by_text("Neutral", exact=True).click()
    page.get_by_role("button", name="Save the draft").click()
    assert page.locator("#step-2 input:checked").get_attribute("value") == "0"
    page.locator("#step-3").get_by_text("Bad", exact=True).click()
    page.get_by_role("button", name="Submit and go on").click()

    expect(page.get_by_text("1 trace")).to_be_visible()
    assert Rating.objects.get().labels == [1, 0, -1, None, None, None]


def test_without_a_script_a_bad_problem_takes_its_reason(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater, java_script_enabled=False)
    page.goto(reverse("annotation:next_trace", args=[project.slug]))

    page.get_by_text("I can’t rate this trace").click()
    page.get_by_label("Why?").first.fill("Numbers are missing")
    page.get_by_role("button", name="Bad problem").click()

    expect(page.locator(".cockpit-done")).to_be_visible()
    assert Rating.objects.get().reason == "Numbers are missing"


def test_a_phone_is_rated_with_one_thumb(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater, **PHONE)
    start_rating(page, project)
    thumbs = page.locator("[data-thumbs]")

    sizes = thumbs.get_by_role("button").evaluate_all("all => all.map(b => b.getBoundingClientRect().height)")
    for name in ("Good", "Neutral", "Good", "Good", "Good", "Good"):
        thumbs.get_by_role("button", name=name).tap()
    is_wider = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    thumbs.get_by_role("button", name="Submit").tap()

    expect(page.locator(".cockpit-done")).to_be_visible()
    assert min(size for size in sizes if size) >= 48
    assert not is_wider
    assert Rating.objects.get().labels == [1, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("device", [{}, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_on_the_rating_pages(
    open_page: OpenPage, scheme: str, device: dict[str, object]
) -> None:
    project, rater = make_rating_project(2)
    for trace in project.trace_set.all():
        make_judge_score(trace, probabilities=[0.9] * 6)
    page = open_page(rater, color_scheme=scheme, **device)
    start_rating(page, project)
    press(page, "3", "2", "1")
    expect_saved(page)
    expect_no_violations(page)

    press(page, "Enter")
    page.get_by_role("link", name="What the judges thought").click()
    expect(page.get_by_role("heading", name="Your rating", exact=True)).to_be_visible()
    expect_no_violations(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_traces_are_compared_with_the_arrow_keys(open_page: OpenPage, scheme: str) -> None:
    project, rater = make_rating_project(3)
    page = open_page(rater, color_scheme=scheme)
    page.goto(reverse("annotation:compare_traces", args=[project.slug]))
    expect(page.get_by_text("Both begin with the same 5 steps")).to_be_visible()
    expect_no_violations(page)

    left = page.locator("input[name=left]").input_value()
    press(page, "w")
    expect(page.locator("input[name=right]")).to_have_value(left)
    for num, key in enumerate(("ArrowLeft", "ArrowUp", "ArrowDown"), start=1):
        names = [page.locator(f"input[name={side}]").input_value() for side in ("left", "right")]
        shown = f"[name=left][value='{names[0]}'] ~ [name=right][value='{names[1]}']"
        press(page, key)
        expect(page.locator(shown)).to_have_count(0)
        assert Comparison.objects.count() == num

    expect(page.get_by_role("heading", name="No pair is left for you")).to_be_visible()
    expect_no_violations(page)
    first, second, third = Comparison.objects.order_by("pk")
    assert left in {str(first.trace_a_id), str(first.trace_b_id)}
    chosen = first.trace_a_id if first.choice == Choice.A else first.trace_b_id
    assert str(chosen) != left  # it was swapped to the right before the left one was chosen
    assert (second.choice, third.choice) == (Choice.TIE, Choice.BOTH_BAD)


def test_without_a_script_two_traces_are_compared_by_button(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    page = open_page(rater, java_script_enabled=False)
    page.goto(reverse("annotation:compare_traces", args=[project.slug]))

    page.get_by_role("link", name="Swap sides").click()
    page.get_by_role("button", name="Right").click()

    expect(page.get_by_role("heading", name="No pair is left for you")).to_be_visible()
    assert Comparison.objects.get().choice in {Choice.A, Choice.B}


def test_a_project_that_goes_on_after_errors_greys_nothing_out(open_page: OpenPage) -> None:
    project, rater = make_rating_project(stop_at_first_error=False)
    page = open_page(rater)
    start_rating(page, project)

    press(page, "1", "3")

    assert shown_labels(page) == ["bad", "good", "none", "none", "none", "none"]
