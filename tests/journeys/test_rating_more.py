"""What a rater says beyond the three ratings, with which keys, and on which keyboard."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Rating
from tests.journeys.cockpit import (
    current_step,
    expect_saved,
    make_rating_project,
    press,
    shown_labels,
    start_rating,
    wait_until,
)
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_bad_step_says_what_kind_of_error_it_makes(open_page: OpenPage) -> None:
    project, rater = make_rating_project(error_categories=["Units", "Sums", "Logic"])
    page = open_page(rater)
    start_rating(page, project)

    press(page, "3", "1", "e", "2")
    expect(page.locator("#step-2").get_by_role("button", name="Sums")).to_be_visible()
    assert current_step(page) == 2
    press(page, "e", "ArrowDown", "Enter")
    expect(page.locator("#step-2").get_by_role("button", name="Logic")).to_be_visible()
    press(page, "z")
    expect(page.get_by_role("group", name="Step 2 of 6, bad: Sums")).to_be_visible()
    press(page, "e", "Escape", "z")
    expect(page.locator("#step-2").get_by_role("button", name="What kind of error?")).to_be_visible()
    page.locator("#step-2").get_by_role("button", name="What kind of error?").click()
    page.get_by_role("button", name="Units").click()
    expect_saved(page)
    page.reload()
    expect(page.locator("#step-2").get_by_role("button", name="Units")).to_be_visible()
    press(page, "Enter")

    wait_until(lambda: Rating.objects.exists())
    assert Rating.objects.get().error_categories == {"1": "Units"}


def test_choosing_a_kind_of_error_makes_the_step_bad_and_goes_on(open_page: OpenPage) -> None:
    project, rater = make_rating_project(stop_at_first_error=False, error_categories=["Units"])
    page = open_page(rater)
    start_rating(page, project)

    press(page, "e", "1")

    assert shown_labels(page)[:2] == ["bad", "none"]
    assert current_step(page) == 2
    press(page, "z")
    assert shown_labels(page)[0] == "none"


def test_a_rewrite_starts_from_the_source_and_counts_only_once_changed(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)
    rewrite = page.locator("#step-1 textarea[name^=rewrite]")

    press(page, "r")
    expect(rewrite).to_have_value("Step 1: $1 + 1 = 2$.")
    press(page, "Escape")
    expect(rewrite).to_have_value("")
    press(page, "3", "1", "r")
    second = page.locator("#step-2 textarea[name^=rewrite]")
    expect(second).to_have_value("Step 2: $2 + 1 = 3$.")
    second.fill("1 + 1 = 3? No: 2.")
    press(page, "Escape")
    expect_saved(page)
    page.reload()
    expect(second).to_have_value("1 + 1 = 3? No: 2.")
    press(page, "Enter")

    wait_until(lambda: Rating.objects.exists())
    assert Rating.objects.get().rewrites == {"1": "1 + 1 = 3? No: 2."}


def test_own_keys_are_pressed_on_their_page_and_hold_on_another_device(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)
    press(page, "?")
    page.get_by_role("link", name="Choose your own keys").click()
    row = page.locator("[data-key-row]", has=page.get_by_label("✓ Good", exact=True))

    row.get_by_role("button", name="Press a key").click()
    press(page, "a")
    expect(row.get_by_text("“a” is also for: All remaining steps good.")).to_be_visible()
    page.get_by_label("All remaining steps good").fill("")
    expect(row.locator("[data-key-error]")).to_be_hidden()
    page.get_by_role("button", name="Save the keys").click()

    elsewhere = open_page(rater)
    start_rating(elsewhere, project)
    press(elsewhere, "a", "g", "q")
    assert shown_labels(elsewhere)[:3] == ["good", "good", "none"]
    expect(elsewhere.get_by_text("“q” does nothing here; ? shows the keys.")).to_be_visible()


def test_other_scripts_other_layouts_and_input_methods(open_page: OpenPage) -> None:
    """A Cyrillic keyboard has п where g is; a French one has & where 1 is; an input method has its keys to itself."""
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    def dispatch(**fields: object) -> None:
        page.evaluate(
            "fields => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {...fields, bubbles: true}))",
            fields,
        )

    dispatch(key="п", code="KeyG")
    dispatch(key="é", code="Digit2")
    assert shown_labels(page)[:3] == ["good", "neutral", "none"]
    dispatch(key="п", code="KeyG", isComposing=True)
    dispatch(key="Process", code="KeyG", keyCode=229)
    dispatch(key="!", code="Digit1", shiftKey=True)
    dispatch(key="k", code="KeyG", ctrlKey=True)
    dispatch(key="q", code="KeyX")  # Dvorak: the letter counts, not the place
    assert shown_labels(page)[:3] == ["good", "neutral", "none"]
    assert current_step(page) == 3
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_long_trace_is_rated_far_down_and_its_first_error_greys_out_the_rest(open_page: OpenPage) -> None:
    steps = tuple(f"Step {number}: ${number} + 1$.\n" for number in range(1, 301))
    project, rater = make_rating_project(steps=steps)
    page = open_page(rater)
    start_rating(page, project)

    page.locator("[data-rail-step='249']").click()
    assert current_step(page) == 250
    press(page, "3", "k", "k", "1")
    # 51 cards and 51 places of the rail, the far ones once the page is at rest
    expect(page.locator("[data-after-error]")).to_have_count(102, timeout=20_000)
    assert shown_labels(page)[248:251] == ["bad", "none", "none"]
    press(page, "z")
    expect(page.locator("[data-after-error]")).to_have_count(0)
    press(page, "a", "Enter")

    wait_until(lambda: Rating.objects.exists())
    assert Rating.objects.get().labels == [1] * 300


def test_without_a_script_category_note_and_rewrite_are_plain_fields(open_page: OpenPage) -> None:
    project, rater = make_rating_project(error_categories=["Units"])
    page = open_page(rater, java_script_enabled=False)
    page.goto(reverse("annotation:next_trace", args=[project.slug]))
    step = page.locator("#step-1")

    step.get_by_text("Bad", exact=True).click()
    step.get_by_text("Note or rewrite").click()
    step.get_by_label("Kind of error").fill("Mood")
    step.get_by_label("Rewrite").fill("Better.")
    page.get_by_role("button", name="Submit and go on").click()
    expect(page.get_by_text("“Mood” on step 1 is none of this project’s error categories")).to_be_visible()
    assert Rating.objects.count() == 0
    page.locator("#step-1").get_by_label("Kind of error").fill("Units")
    page.get_by_role("button", name="Submit and go on").click()

    expect(page.get_by_text("1 trace")).to_be_visible()
    rating = Rating.objects.get()
    assert (rating.error_categories, rating.rewrites) == ({"0": "Units"}, {"0": "Better."})
