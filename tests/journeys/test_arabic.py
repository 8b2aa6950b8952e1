"""Every page that a rater meets, in Arabic: right to left, nothing left in English, no violation, nothing too wide."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.models import Account, Gold, GoldUse, Project, Rating
from tests.annotation.practice_worlds import make_practice_project
from tests.factories import (
    NOW,
    make_decision,
    make_judge_score,
    make_practice_answer,
    make_prompt,
    make_rating,
    make_trace,
)
from tests.journeys.accessibility import expect_no_violations
from tests.journeys.cockpit import press, start_rating, wait_until
from tests.journeys.conftest import OpenPage
from tests.journeys.test_rating_everywhere import PHONE

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What stays: names, keys, and what models and people wrote (which the pages mark as theirs).
KEPT = {"CSV", "Gradus", "Enter", "Esc", "Home", "Space", "UTC"}
WORDS_OF_THE_PAGE = """
() => {
  const skipped = ".rendered, kbd, code, script, [lang]:not(html), [dir=auto], bdi, select, [data-category-choice]";
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest(skipped) && parent.checkVisibility()) found.push(walker.currentNode.textContent);
  }
  return found.join(" ");
}
"""


def make_arabic_project() -> tuple[Project, Account]:
    """Work, comparisons, a tutorial and a rater who reads Arabic."""
    project, rater = make_practice_project(num_tutorial=6, shows_gold_accuracy=True, name="حساب")
    prompt = make_prompt(project, text="ما ناتج 3 + 4؟")
    for last in ("الجواب 7.", "الجواب 8."):
        trace = make_trace(prompt, steps=("لدى سامي 3.\n", last))
        make_judge_score(trace, probabilities=[0.9, 0.8])
    Account.objects.filter(pk=rater.pk).update(language="ar", display_name="سلمى")
    return project, rater


def expect_arabic(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    said = page.evaluate(WORDS_OF_THE_PAGE)
    english = [word for word in re.findall(r"[A-Za-z]{2,}", said) if word not in KEPT]
    assert english == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect_no_violations(page)


@pytest.mark.parametrize(
    "device",
    [
        pytest.param({}, id="light"),
        pytest.param({"color_scheme": "dark"}, id="dark", marks=pytest.mark.slow),
        pytest.param(PHONE, id="phone", marks=pytest.mark.slow),
    ],
)
def test_every_page_a_rater_meets_is_arabic(open_page: OpenPage, device: dict[str, object]) -> None:
    project, rater = make_arabic_project()
    page = open_page(rater, **device)
    gold = Gold.objects.filter(use=GoldUse.TUTORIAL).earliest("pk")
    slug = project.slug

    for view, args in (
        ("list_projects", []),
        ("show_project", [slug]),
        ("my_work", []),
        ("edit_account", []),
        ("change_password", []),
        ("edit_keys", []),
        ("show_practice", [slug]),
        ("practise_trace", [slug, gold.trace_id]),
        ("compare_traces", [slug]),
    ):
        page.goto(reverse(f"annotation:{view}", args=args))
        expect(page.locator("h1")).to_be_visible()
        expect_arabic(page)

    page.goto(f"{reverse('annotation:my_work')}nothing/")
    expect(page.locator("h1")).to_have_text("غير موجود")
    expect_arabic(page)


def test_what_raters_read_afterwards_is_arabic(open_page: OpenPage) -> None:
    project, rater = make_arabic_project()
    Project.objects.filter(pk=project.pk).update(shows_decisions=True, amend_minutes=60)
    trace = project.trace_set.filter(gold=None).earliest("pk")
    first = make_rating(trace, rater, (1, 0), is_current=False)
    make_rating(trace, labels=(1, -1), assignment=first.assignment, revision=2, notes={"1": "الجواب 7"})
    make_decision(trace, (1, 1), decided_at=NOW + dt.timedelta(hours=1))
    gold = Gold.objects.filter(use=GoldUse.TUTORIAL).earliest("pk")
    make_practice_answer(gold.trace, rater)
    page = open_page(rater)

    for view, args in (
        ("show_rating", [first.assignment_id]),
        ("show_revision", [first.assignment_id, 1]),
        ("show_feedback", [project.slug, gold.trace_id]),
        ("list_decisions", [project.slug]),
    ):
        page.goto(reverse(f"annotation:{view}", args=args))
        expect(page.locator("h1")).to_be_visible()
        expect_arabic(page)


def test_rating_says_everything_in_arabic_from_the_first_key_to_the_judges(open_page: OpenPage) -> None:
    project, rater = make_arabic_project()
    page = open_page(rater)
    start_rating(page, project)
    press(page, "3", "Enter")
    expect(page.get_by_text("لم تُقيَّم الخطوة 2 بعد.")).to_be_visible()
    press(page, "1")
    expect(page.get_by_text("كل الخطوات مُقيَّمة.")).to_be_visible()
    expect_arabic(page)
    press(page, "?")
    expect(page.get_by_role("dialog", name="المفاتيح")).to_be_visible()
    expect_arabic(page)
    press(page, "Escape", "x")
    expect(page.get_by_role("heading", name="ما العيب في المسألة؟")).to_be_visible()
    expect_arabic(page)
    page.keyboard.press("Escape")
    press(page, "Enter")
    wait_until(lambda: Rating.objects.exists())

    page.goto(reverse("annotation:show_rating", args=[Rating.objects.get().assignment_id]))
    expect(page.get_by_role("heading", name="تقييمك")).to_be_visible()
    said = page.evaluate(WORDS_OF_THE_PAGE)
    assert "Submitted" not in said


def test_the_arrow_keys_point_to_the_sides_they_choose_in_arabic_too(open_page: OpenPage) -> None:
    project, rater = make_arabic_project()
    page = open_page(rater)
    page.goto(reverse("annotation:compare_traces", args=[project.slug]))

    places = page.locator(".side").evaluate_all(
        "sides => sides.map(side => side.getBoundingClientRect().left)"
    )
    buttons = page.locator(".verdict-buttons button").evaluate_all(
        "all => all.map(button => [button.value, button.getBoundingClientRect().left])"
    )

    assert places[0] < places[1]
    assert dict(buttons)["left"] < dict(buttons)["right"]
    expect(page.locator(".side").first).to_contain_text("الأيسر")


def test_a_language_is_chosen_at_sign_in_and_kept_in_the_account(open_page: OpenPage) -> None:
    _, rater = make_arabic_project()
    Account.objects.filter(pk=rater.pk).update(language="")
    guest = open_page(None, locale="en-GB")
    guest.goto(reverse("annotation:sign_in"))
    guest.get_by_role("button", name="العربيّة").click()
    expect(guest.get_by_role("heading", name="تسجيل الدخول")).to_be_visible()
    expect_arabic(guest)

    page = open_page(rater, locale="en-GB")
    page.goto(reverse("annotation:edit_account"))
    page.get_by_label("Pages in").select_option("ar")
    page.get_by_role("button", name="Save the language").click()

    expect(page.get_by_text("حُفظت لغتك.")).to_be_visible()
    assert Account.objects.get(pk=rater.pk).language == "ar"
