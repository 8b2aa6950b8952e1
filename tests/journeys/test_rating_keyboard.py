"""Rating with the keyboard alone, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.models import Assignment, AssignmentState, Outcome, Rating
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


def test_three_traces_are_rated_without_touching_the_mouse(open_page: OpenPage) -> None:
    project, rater = make_rating_project(3)
    page = open_page(rater)
    start_rating(page, project)
    first = page.url

    press(page, "a", "Enter")
    expect(page).not_to_have_url(first)
    expect(page.get_by_text("Last trace saved.")).to_be_visible()
    second = page.url
    press(page, "3", "3", "1", "Enter")
    expect(page).not_to_have_url(second)
    press(page, "g", "n", "3", "2", "3", "3", "Enter")

    expect(page.get_by_role("heading", name="That’s all for now")).to_be_visible()
    expect(page.get_by_text("3 traces")).to_be_visible()
    stored = [rating.labels for rating in Rating.objects.order_by("pk")]
    assert stored == [[1] * 6, [1, 1, -1, None, None, None], [1, 0, 1, 0, 1, 1]]
    assert all(0 < rating.active_seconds < 60 for rating in Rating.objects.all())


def test_what_follows_the_first_error_greys_out_and_comes_back(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "3", "2", "3", "3", "k", "k", "k", "1")
    assert shown_labels(page) == ["good", "bad", "none", "none", "none", "none"]
    said = "Not judged: it follows the first error"
    expect(page.locator("#step-3")).to_have_attribute("data-after-error", said)
    expect(page.get_by_role("group", name=f"Step 3 of 6, {said[0].lower()}{said[1:]}")).to_be_visible()
    expect(page.get_by_text("2 / 2")).to_be_visible()

    press(page, "3")
    assert shown_labels(page) == ["good", "good", "good", "good", "none", "none"]
    expect(page.get_by_text("4 / 6")).to_be_visible()


def test_undo_goes_all_the_way_back(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "3", "2", "a", "k", "1")
    for before in (
        ["good", "neutral", "good", "good", "good", "good"],
        ["good", "neutral", "none", "none", "none", "none"],
        ["good", "none", "none", "none", "none", "none"],
        ["none"] * 6,
    ):
        press(page, "z")
        assert shown_labels(page) == before
    press(page, "z")
    assert current_step(page) == 1


def test_moving_and_the_mouse_keep_the_keyboard_on_a_step(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "j", "ArrowDown", "j", "k", "ArrowUp")
    assert current_step(page) == 2
    page.locator("#step-4").get_by_text("Neutral").click()
    expect(page.locator("#step-4 [data-card]")).to_be_focused()
    press(page, "ArrowDown", "3")
    assert shown_labels(page) == ["none", "none", "none", "neutral", "good", "none"]


def test_enter_before_the_end_says_what_is_missing_and_goes_there(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "3", "j", "3", "Enter")

    expect(page.get_by_text("Step 2 is not judged yet.")).to_be_visible()
    assert current_step(page) == 2
    assert Rating.objects.count() == 0


def test_keys_do_not_fire_while_one_writes_or_holds_a_modifier(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "c")
    page.keyboard.type("big gap, 1 + 1 = 3? z")
    press(page, "Escape", "Control+b", "Alt+3")
    composing = "{key: '1', isComposing: true, bubbles: true}"
    page.evaluate(f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {composing}))")

    assert shown_labels(page) == ["none"] * 6
    assert current_step(page) == 1
    press(page, "a")
    expect_saved(page)
    press(page, "Enter")
    expect(page.get_by_role("heading", name="That’s all for now")).to_be_visible()
    assert Rating.objects.get().notes == {"0": "big gap, 1 + 1 = 3? z"}


def test_a_key_that_can_do_nothing_says_why_where_one_looks(open_page: OpenPage) -> None:
    project, rater = make_rating_project(can_rate_rest_good=False, guidelines="", error_categories=[])
    page = open_page(rater)
    start_rating(page, project)
    told = page.locator("[data-told]")

    for key, why in (
        ("a", "This project asks for every step by itself."),
        ("i", "This project has no guidelines."),
        ("e", "This project has no kinds of error."),
        ("t", "There is no model to ask for this trace."),
        ("z", "Nothing to undo"),
    ):
        press(page, key)
        expect(told).to_have_text(why)
    assert shown_labels(page) == ["none"] * 6
    expect(page.locator("[data-rest-good]")).to_be_hidden()
    press(page, "1", "j", "3")
    expect(told).to_have_text("Not judged: it follows the first error.")
    assert shown_labels(page) == ["bad", *["none"] * 5]
    page.set_viewport_size({"width": 390, "height": 780})
    press(page, "3")
    expect(told).to_be_in_viewport()


@pytest.mark.parametrize(("key", "outcome"), [("x", Outcome.BAD_PROBLEM), ("u", Outcome.GIVE_UP)])
def test_a_reason_is_asked_for_what_can_not_be_rated(open_page: OpenPage, key: str, outcome: Outcome) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, key)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Say in a few words why.")).to_be_visible()
    page.get_by_role("dialog").get_by_label("Why?").fill("It asks two things")
    page.get_by_role("button", name="Send").click()

    expect(page.locator(".cockpit-done")).to_be_visible()
    rating = Rating.objects.get()
    assert (rating.outcome, rating.reason) == (outcome, "It asks two things")


def test_skipping_hands_out_the_next_trace(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    page = open_page(rater)
    start_rating(page, project)
    first = page.url

    press(page, "s")
    page.get_by_role("dialog").get_by_label("Why?").fill("not my field")
    press(page, "Enter")

    expect(page).not_to_have_url(first)
    wait_until(lambda: Assignment.objects.filter(skip_reason="not my field").exists())
    states = Assignment.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [AssignmentState.SKIPPED, AssignmentState.LEASED]


def test_guidelines_keys_and_source_are_one_key_away(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    press(page, "i")
    expect(page.get_by_role("dialog", name="Guidelines")).to_be_visible()
    press(page, "3", "Escape", "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape", "k", "o")

    expect(page.locator("#step-1 [data-source-text]")).to_have_text("Step 1: $1 + 1 = 2$.")
    assert shown_labels(page)[0] == "good"


def test_amending_opens_what_was_submitted_and_shows_the_result(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    page = open_page(rater)
    start_rating(page, project)
    press(page, "a", "Enter")
    page.get_by_role("link", name="Amend it").click()
    expect(page.locator("form.has-script")).to_be_visible()
    assert shown_labels(page) == ["good"] * 6

    press(page, "j", "1", "Enter")

    expect(page.get_by_role("heading", name="Your rating", exact=True)).to_be_visible()
    assert Rating.objects.current().get().labels == [1, -1, None, None, None, None]
