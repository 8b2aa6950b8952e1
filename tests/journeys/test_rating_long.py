"""A trace that takes its time to come: what a rater does before the page is whole is done once it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Rating
from annotation.views import long_pages
from tests.journeys.cockpit import current_step, expect_saved, make_rating_project, press, shown_labels
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEPS = tuple(f"Step {number}: we go on.\n" for number in range(1, 101))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Holds a long page back after its first piece, until it is set."""
    opened = threading.Event()
    render = long_pages._render_pieces

    def render_slowly(*arguments: object) -> Iterator[str]:
        pieces = render(*arguments)  # type: ignore[arg-type]
        yield next(pieces)
        opened.wait(20)
        yield from pieces

    monkeypatch.setattr(long_pages, "_render_pieces", render_slowly)
    yield opened
    opened.set()


def test_keys_ticks_and_words_before_the_page_is_whole_are_kept_in_order(
    open_page: OpenPage, gate: threading.Event
) -> None:
    project, rater = make_rating_project(steps=STEPS)
    page = open_page(rater)
    page.goto(reverse("annotation:next_trace", args=[project.slug]), wait_until="commit")
    expect(page.get_by_text("Loading the steps")).to_be_visible()
    expect(page.locator("[data-step]")).to_have_count(long_pages.NUM_AT_ONCE)
    page.wait_for_function(
        "performance.getEntriesByName('first-contentful-paint').length"
    )  # no keys before it
    # The words above stand there before the page has its styles, and its script may come after the first paint.
    expect(page.locator("html[data-keeps-keys]")).to_be_attached()

    press(page, "3", "2")
    page.locator("#step-3").get_by_text("Good", exact=True).click()
    page.locator("#step-4 summary").click()
    page.locator("#step-4 textarea[name^=note]").fill("12 is not 3")
    page.locator("#step-4").get_by_text("Bad", exact=True).click()
    gate.set()

    expect(page.locator("form.has-script")).to_be_visible()
    expect(page.get_by_text("Loading the steps")).to_be_hidden()
    expect_saved(page)
    assert shown_labels(page)[:5] == ["good", "neutral", "good", "bad", "none"]
    assert current_step(page) == 4
    page.reload()
    expect(page.locator("textarea[name=note-3]")).to_have_value("12 is not 3")
    press(page, "Enter")
    expect(page.locator(".cockpit-done")).to_be_visible()
    assert Rating.objects.get().labels == [1, 0, 1, -1, *[None] * 96]
