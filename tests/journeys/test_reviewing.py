"""Review in a real browser: deciding with the keyboard, appealing, without JavaScript, light, dark and on a phone."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.models import Account, Appeal, Decision, Gold, Project, Rating, Role, Trace
from tests.factories import (
    NOW,
    make_appeal,
    make_decision,
    make_disagreement,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project() -> Project:
    return make_project(name="Sums", slug="sums", shows_decisions=True)


@pytest.fixture
def judy(project: Project) -> Account:
    return make_member(project, Role.ADJUDICATOR, username="judy", display_name="Judith")


@pytest.fixture
def traces(project: Project) -> list[Trace]:
    """Two disputed traces; the first tells more."""
    prompt = make_prompt(project, text="Tom has 3 apples and buys 4 more. How many has he?")
    raters = [make_member(project, display_name=name) for name in ("Ann Lee", "Bob Ray", "Cem Ak")]
    judges = [make_judge(name=name) for name in ("arithmetic", "likelihood")]
    made = []
    for bits in (1.58, 0.92):
        trace = make_trace(
            prompt, steps=("Tom has $3$ apples.\n", "He buys 4: $3 + 4 = 8$.\n", "So he has 8.")
        )
        make_rating(
            trace,
            raters[0],
            (1, -1, None),
            notes={"1": "3 + 4 is 7, not 8."},
            error_categories={"1": "Calculation"},
            rewrites={"1": "He buys 4: 3 + 4 = 7."},
        )
        make_rating(trace, raters[1], (1, 1, 1))
        make_rating(trace, raters[2], (-1, None, None), notes={"0": "Who is Tom?"}, is_assisted=True)
        for judge in judges:
            make_judge_score(trace, judge, (0.95, 0.12, 0.4), rationales=["", "8 is not 7.", ""])
        make_disagreement(trace, bits=bits)
        made.append(trace)
    return made


def open_next(page: Page, project: Project) -> None:
    page.goto(reverse("annotation:next_disagreement", args=[project.slug]))


def test_a_trace_is_decided_with_the_keyboard_and_the_next_one_comes(
    open_page: OpenPage, project: Project, judy: Account, traces: list[Trace]
) -> None:
    page = open_page(judy)
    open_next(page, project)
    expect(page.get_by_role("heading", name=f"Trace {traces[0].pk}")).to_be_visible()

    page.keyboard.press("Enter")
    expect(page.locator("[data-spoken]")).to_have_text("Step 1 is not judged yet.")
    decide = page.get_by_role("button", name="Decide and go on")
    pale = decide.evaluate("button => getComputedStyle(button).backgroundColor")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.keyboard.type("3 + 4 is 7.")
    page.keyboard.press("Escape")
    page.keyboard.press("z")  # takes the first label back
    for key in ("3", "1", "w"):
        page.keyboard.press(key)
    page.keyboard.type("The sum is wrong.")
    page.keyboard.press("Escape")
    expect(page.locator("[data-finish-hint]")).to_have_text("2 of 2 steps judged")
    expect(decide).not_to_have_css("background-color", pale)  # it stands out once it can be pressed
    expect(page.locator("[data-after-error]")).to_have_count(1)
    expect(page.locator("[data-step='2']")).to_have_attribute(
        "data-after-error", "Not judged: it follows the first error"
    )
    expect(page.locator("[data-step='0'] [data-choice=bad]")).to_have_text("Bad")  # its shape is drawn once
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=f"Trace {traces[1].pk}")).to_be_visible()
    decision = Decision.objects.get()
    assert decision.labels == [1, -1, None]
    assert decision.step_notes == {"1": "3 + 4 is 7."}
    assert decision.note == "The sum is wrong."
    page.keyboard.press("s")
    expect(page.get_by_text("No other disagreement is waiting.")).to_be_visible()


def test_a_raters_labels_can_be_taken_over_and_leaving_unsent_is_asked(
    open_page: OpenPage, project: Project, judy: Account, traces: list[Trace]
) -> None:
    page = open_page(judy)
    open_next(page, project)

    page.get_by_role("button", name="Ann Lee").click()
    expect(page.locator("#step-2")).to_have_attribute("data-label", "bad")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="the trace’s page").click()
    expect(page.get_by_role("heading", name=f"Trace {traces[0].pk}", exact=True)).to_be_visible()

    assert asked == ["beforeunload"]


def test_without_javascript_the_form_decides_and_makes_gold(
    open_page: OpenPage, project: Project, judy: Account, traces: list[Trace]
) -> None:
    page = open_page(judy, java_script_enabled=False)
    open_next(page, project)

    for number, word in ((1, "Good"), (2, "Bad")):
        page.locator(f"#step-{number}").get_by_role("radio", name=word, exact=True).check()
    page.get_by_label("Make it gold").check()
    page.get_by_role("button", name="Decide and go on").click()

    expect(page.get_by_text(f"Trace {traces[0].pk} is decided.")).to_be_visible()
    assert Gold.objects.get().stands == [True, False, False]


def test_a_rater_appeals_and_an_adjudicator_answers(
    open_page: OpenPage, project: Project, judy: Account, traces: list[Trace]
) -> None:
    rating = Rating.objects.get(trace=traces[0], rater__display_name="Bob Ray")
    make_decision(traces[0], (1, -1, None), adjudicator=judy, decided_at=NOW + dt.timedelta(hours=1))
    page = open_page(rating.rater)
    page.goto(reverse("annotation:list_decisions", args=[project.slug]))
    page.get_by_role("link", name="Tom has 3 apples").click()
    page.get_by_text("Appeal this decision").click()
    page.get_by_label("Why is the decision wrong?").fill("Eight is what the prompt wants.")
    page.get_by_role("button", name="File the appeal").click()
    expect(page.get_by_text("It waits for an answer.")).to_be_visible()

    desk = open_page(judy)
    desk.goto(reverse("annotation:list_disagreements", args=[project.slug]))
    desk.locator("#table-appeals").get_by_role("link", name=str(traces[0].pk)).click()
    desk.get_by_label("Answer").fill("3 + 4 is 7.")
    desk.get_by_role("button", name="Answer the appeal").click()
    expect(desk.get_by_text("Answered. Decision kept.")).to_be_visible()

    page.reload()
    expect(page.get_by_text("The decision was kept.")).to_be_visible()
    assert Appeal.objects.get().answered_by == judy


@pytest.mark.slow  # test_no_page_left_out.py has these pages too
def test_the_pages_of_review_are_accessible_and_fit(
    open_page: OpenPage, project: Project, judy: Account, traces: list[Trace]
) -> None:
    decision = make_decision(
        traces[1], (1, -1, None), adjudicator=judy, decided_at=NOW + dt.timedelta(hours=1), note="See step 2."
    )
    rating = Rating.objects.get(trace=traces[1], rater__display_name="Bob Ray")
    make_appeal(decision, rating.rater)
    desk, own = open_page(judy), open_page(rating.rater)
    visits = [
        (desk, "queue", reverse("annotation:list_disagreements", args=[project.slug])),
        (desk, "decide", reverse("annotation:decide_trace", args=[project.slug, traces[0].pk])),
        (desk, "appeal", reverse("annotation:decide_trace", args=[project.slug, traces[1].pk])),
        (own, "decisions", reverse("annotation:list_decisions", args=[project.slug])),
        (own, "own", reverse("annotation:show_rating", args=[rating.assignment_id])),
    ]
    for page, name, address in visits:
        page.goto(address)

        if name == "decide":
            expect(page.locator("#step-1 .choices")).to_be_visible()

        expect_fit_to_be_seen(page, name)
