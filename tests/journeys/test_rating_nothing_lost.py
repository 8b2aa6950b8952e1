"""Reloads, dead networks, second tabs, ended sessions: a rater's work survives them all."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Dialog, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Assignment, Rating
from tests.journeys.cockpit import (
    expect_saved,
    make_rating_project,
    press,
    shown_labels,
    start_rating,
    wait_until,
)
from tests.journeys.conftest import OpenPage, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OFFLINE = "Offline: kept here, will be sent"


def test_a_draft_survives_a_reload_and_another_device(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)
    press(page, "3", "2", "c")
    page.keyboard.type("half a thought")
    expect_saved(page)

    page.reload()
    elsewhere = open_page(rater)
    start_rating(elsewhere, project)

    for seen in (page, elsewhere):
        assert shown_labels(seen)[:3] == ["good", "neutral", "none"]
        assert seen.locator("#step-3 textarea[name^=note]").input_value() == "half a thought"


def test_work_done_without_the_network_is_sent_when_it_is_back(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)

    page.context.set_offline(True)
    press(page, "3", "1")
    expect(page.locator("[data-save-state]")).to_have_text(OFFLINE)
    assert Assignment.objects.get().draft == {}
    page.context.set_offline(False)

    expect_saved(page)
    assert Assignment.objects.get().draft["labels"] == [1, -1, None, None, None, None]


def test_a_rating_submitted_without_the_network_is_stored_once(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    page = open_page(rater)
    start_rating(page, project)
    first = page.url

    page.context.set_offline(True)
    press(page, "a", "Enter", "Enter", "Enter")
    expect(page.locator("[data-save-state]")).to_have_text(OFFLINE)
    page.context.set_offline(False)

    expect(page).not_to_have_url(first)
    wait_until(lambda: Rating.objects.exists())
    assert Rating.objects.get().labels == [1] * 6


def test_a_rating_whose_answer_got_lost_is_stored_once(open_page: OpenPage) -> None:
    project, rater = make_rating_project(2)
    page = open_page(rater)
    start_rating(page, project)
    first = page.url
    lost: list[int] = []

    def lose_the_first_answer(route: Route, request: Request) -> None:
        if request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route(first, lose_the_first_answer)
    press(page, "a", "Enter")

    expect(page).not_to_have_url(first)
    assert lost == [200]
    assert Rating.objects.count() == 1


def test_what_was_never_sent_survives_closing_the_tab(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)
    page.context.set_offline(True)
    press(page, "3", "2")
    page.close()
    page.context.set_offline(False)

    again = page.context.new_page()
    start_rating(again, project)

    assert shown_labels(again)[:3] == ["good", "neutral", "none"]
    expect_saved(again)
    assert Assignment.objects.get().draft["labels"][:2] == [1, 0]


def test_leaving_with_unsent_work_warns_and_with_sent_work_does_not(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)
    warned: list[str] = []

    def accept(dialog: Dialog) -> None:
        warned.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    press(page, "3")
    expect_saved(page)
    page.reload()
    assert warned == []

    page.context.set_offline(True)
    press(page, "3")
    page.evaluate("location.hash = ''; setTimeout(() => { location.href = '/elsewhere/' })")
    page.wait_for_timeout(300)

    assert warned == ["beforeunload"]


def test_two_tabs_can_not_overwrite_each_other_silently(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    one = open_page(rater)
    start_rating(one, project)
    other = one.context.new_page()
    start_rating(other, project)
    press(one, "3")
    expect_saved(one)

    press(other, "1")
    expect(other.get_by_text("This trace was changed in another tab or on another device.")).to_be_visible()
    assert Assignment.objects.get().draft["labels"][0] == 1

    other.get_by_role("button", name="Keep what is here").click()
    expect_saved(other)
    assert Assignment.objects.get().draft["labels"][0] == -1
    press(one, "2")
    one.get_by_role("button", name="Load that version").click()
    expect(one.locator("#step-1[data-label=bad]")).to_be_visible()


def test_a_trace_submitted_in_another_tab_says_so(open_page: OpenPage) -> None:
    project, rater = make_rating_project()
    one = open_page(rater)
    start_rating(one, project)
    other = one.context.new_page()
    start_rating(other, project)
    press(one, "a", "Enter")
    expect(one.locator(".cockpit-done")).to_be_visible()

    press(other, "1")

    expect(other.get_by_text("You have submitted this trace already.")).to_be_visible()
    assert Rating.objects.get().labels == [1] * 6


def test_an_ended_session_loses_nothing(open_page: OpenPage, live_server: LiveServer) -> None:
    project, rater = make_rating_project()
    page = open_page(rater)
    start_rating(page, project)
    Session.objects.all().delete()

    press(page, "3", "2")
    expect(page.get_by_text("You are signed out. What you rated is kept in this browser.")).to_be_visible()
    sign_in(page.context, rater, live_server.url)

    expect_saved(page)
    assert Assignment.objects.get().draft["labels"][:2] == [1, 0]
