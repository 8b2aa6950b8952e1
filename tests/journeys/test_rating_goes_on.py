"""Enter shows the next trace at once; the rating is sent behind it: stored once, or refused with a word, never lost."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from annotation.models import Assignment, AssignmentState, Rating
from tests.factories import make_rating
from tests.journeys.cockpit import (
    expect_saved,
    make_rating_project,
    press,
    shown_labels,
    start_rating,
    wait_until,
)
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OFFLINE = "Offline: kept here, will be sent"


def wait_for_ahead(page: Page) -> None:
    """Until it holds the trace after the one shown; before that, Enter sends the form and waits for an answer."""
    expect(page.locator("#cockpit[data-next=ready]")).to_be_attached()


def test_the_next_trace_shows_while_the_rating_is_still_on_its_way(open_page: OpenPage) -> None:
    project, rater = make_rating_project(3)
    page = open_page(rater)
    start_rating(page, project)
    wait_for_ahead(page)
    first, held = page.url, []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route(first, hold)
    press(page, "a", "Enter")

    expect(page).not_to_have_url(first)
    expect(page.get_by_text("Sending the last trace…")).to_be_visible()
    assert Rating.objects.count() == 0
    press(page, "3", "1")  # usable meanwhile
    assert shown_labels(page)[:2] == ["good", "bad"]

    wait_until(lambda: bool(held))
    held[0].continue_()
    expect(page.get_by_text("Last trace saved.")).to_be_visible()
    assert Rating.objects.get().labels == [1] * 6
    wait_for_ahead(page)
    press(page, "Enter")
    expect(page.get_by_text("Last trace saved.")).to_be_visible()
    assert Assignment.objects.filter(state=AssignmentState.SUBMITTED).count() == 2


def test_without_the_network_two_traces_are_rated_and_each_is_stored_once(open_page: OpenPage) -> None:
    project, rater = make_rating_project(3)
    page = open_page(rater)
    start_rating(page, project)
    wait_for_ahead(page)
    first = page.url

    page.context.set_offline(True)
    press(page, "a", "Enter")
    expect(page).not_to_have_url(first)
    press(page, "3", "1", "Enter")
    expect(page.locator("[data-save-state]")).to_have_text(OFFLINE)
    page.context.set_offline(False)

    wait_until(lambda: Rating.objects.count() == 2)
    expect(page.get_by_text("Last trace saved.")).to_be_visible()
    assert [rating.labels for rating in Rating.objects.order_by("pk")] == [[1] * 6, [1, -1, *[None] * 4]]
    wait_until(lambda: page.evaluate("localStorage.length") == 0)


def test_a_rating_refused_behind_the_next_trace_is_said_with_the_way_back(open_page: OpenPage) -> None:
    project, rater = make_rating_project(3, overlap=1)
    page = open_page(rater)
    start_rating(page, project)
    wait_for_ahead(page)
    mine = Assignment.objects.get(is_ahead=False)
    Assignment.objects.filter(pk=mine.pk).update(state=AssignmentState.RETURNED, ended_at=mine.leased_at)
    make_rating(mine.trace, labels=[1] * 6)  # somebody else took the only place

    press(page, "3", "1", "Enter")

    expect(page.get_by_text("The rating of an earlier trace was not taken.")).to_be_visible()
    page.get_by_role("link", name="Look at it").click()
    expect(page.get_by_role("heading", name="Your lease ran out")).to_be_visible()
    mine.refresh_from_db()
    assert mine.draft["labels"][:2] == [1, -1]


def test_signing_in_again_happens_in_place_and_the_work_goes_on(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    rater.set_password("correct horse")
    rater.save()
    page = open_page(rater)
    start_rating(page, project)
    wait_for_ahead(page)
    Session.objects.all().delete()

    press(page, "3", "1")
    page.get_by_role("button", name="Sign in here and go on").click()
    dialog = page.get_by_role("dialog", name="Sign in and go on")
    expect(dialog.get_by_label("User name")).to_have_value(rater.username)
    page.keyboard.type("wrong horse")
    press(page, "Enter")
    expect(dialog.get_by_text("That is not the password. Try again.")).to_be_visible()
    page.keyboard.type("correct horse")
    press(page, "Enter")

    expect(dialog).to_be_hidden()
    expect_saved(page)
    expect(page.get_by_text("You are signed out.")).to_be_hidden()
    press(page, "Enter")
    wait_until(lambda: Rating.objects.filter(labels__0=1, labels__1=-1).exists())


def test_a_session_that_ends_before_enter_still_stores_the_rating(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    rater.set_password("correct horse")
    rater.save()
    page = open_page(rater)
    start_rating(page, project)
    wait_for_ahead(page)
    press(page, "a")
    expect_saved(page)
    Session.objects.all().delete()

    press(page, "Enter")
    page.get_by_role("button", name="Sign in here and go on").click()
    page.keyboard.type("correct horse")
    press(page, "Enter")

    wait_until(lambda: Rating.objects.count() == 1)
    expect(page.get_by_text("Last trace saved.")).to_be_visible()


def test_signing_out_gives_both_traces_to_others(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2, overlap=1)
    page = open_page(rater)
    start_rating(page, project)
    wait_for_ahead(page)

    page.get_by_role("button", name="Sign out").click()

    expect(page).to_have_url("/sign-in/")
    assert not Assignment.objects.exclude(state=AssignmentState.RETURNED).exists()
    assert Assignment.objects.filter(rater=rater).count() == 2
