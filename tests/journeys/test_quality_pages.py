"""The quality pages in a browser: with and without a report, light and dark, on a desk and on a phone, for a reader who
only has a keyboard."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.actions.quality_reports import compute_report
from annotation.models import ReportKind, Role
from tests.annotation.quality_world import compute, make_quality_world
from tests.factories import make_member, make_project
from tests.journeys.accessibility import expect_no_violations
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


def is_wider_than_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize(
    ("role", "scheme", "device"),
    [(Role.ADMIN, "light", {}), (Role.ADJUDICATOR, "dark", PHONE)],
    ids=["admin at a desk in the light", "adjudicator on a phone in the dark"],
)
def test_every_chart_can_be_seen_and_read(
    open_page: OpenPage, role: Role, scheme: str, device: dict[str, object]
) -> None:
    world = make_quality_world()
    for kind in ReportKind:
        compute(world.project, kind)
    page = open_page(make_member(world.project, role), color_scheme=scheme, **device)

    page.goto(reverse("annotation:show_agreement", args=[world.project.slug]))
    expect(page.get_by_role("img", name="Verdict agreed, over time")).to_be_visible()
    expect_no_violations(page)
    assert not is_wider_than_its_window(page)
    page.get_by_text("The numbers behind: Who agrees with whom").first.click()
    expect(page.get_by_role("rowheader", name="1. rater-0").first).to_be_visible()
    page.locator("#table-disputed tbody a").first.click()
    expect(page.locator(".trace-step:target")).to_be_visible()

    page.goto(reverse("annotation:show_judge_quality", args=[world.project.slug]))
    expect(page.get_by_role("img", name="Calibration")).to_be_visible()
    expect_no_violations(page)
    assert not is_wider_than_its_window(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_without_a_report_have_nothing_wrong_either(open_page: OpenPage, scheme: str) -> None:
    world = make_quality_world(2)
    page = open_page(make_member(world.project, Role.ADMIN), color_scheme=scheme)

    for view in ("show_agreement", "show_judge_quality"):
        page.goto(reverse(f"annotation:{view}", args=[world.project.slug]))
        expect_no_violations(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_may_not_read_a_page_is_told_so_and_an_engineer_reads_judges(
    open_page: OpenPage, scheme: str
) -> None:
    world = make_quality_world(12)
    compute(world.project, ReportKind.JUDGES)
    agreement = reverse("annotation:show_agreement", args=[world.project.slug])
    judges = reverse("annotation:show_judge_quality", args=[world.project.slug])
    rater, engineer = make_member(world.project), make_member(world.project, Role.ENGINEER)
    outsider = make_member(make_project(), Role.ADMIN)

    for account, address, words in (
        (rater, agreement, "This page is for admins or adjudicators"),
        (rater, judges, "This page is for admins or adjudicators or engineers"),
        (outsider, agreement, "There is no such project"),
        (engineer, agreement, "This page is for admins or adjudicators"),
        (engineer, judges, "Anchoring on steps"),
    ):
        page = open_page(account, color_scheme=scheme)
        page.goto(address)
        expect(page.get_by_text(words).first).to_be_visible()
        expect_no_violations(page)


def test_a_report_is_asked_for_and_shows_itself_when_it_is_done(open_page: OpenPage) -> None:
    world = make_quality_world(12)
    page = open_page(make_member(world.project, Role.ADMIN))
    page.goto(reverse("annotation:show_agreement", args=[world.project.slug]))

    page.get_by_role("button", name="Compute Agreement between raters").click()
    expect(page.get_by_text("It waits for a worker")).to_be_visible()
    report = world.project.qualityreport_set.get()
    compute_report(report_id=report.pk, clock=lambda: report.queued_at)

    expect(page.get_by_text("Verdict agreed").first).to_be_visible()
