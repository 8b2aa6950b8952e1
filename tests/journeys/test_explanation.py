"""Why a trace has its posterior, in a real browser: by links, light, dark and on a phone, without JavaScript."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Role
from tests.annotation.queries.test_explanations import make_judged_project, merge_now
from tests.factories import make_judge_score, make_member, make_prompt, make_rating, make_trace
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STEPS = (
    "Tom has $3$ apples and buys $4$ more, so he has $3 + 4 = 8$ apples.\n",
    "He gives a quarter of them away: $8 / 4 = 2$.\n",
    "The answer is 6.",
)


def test_a_posterior_is_taken_apart_where_the_merge_is_least_sure(open_page: OpenPage) -> None:
    unseen = make_judged_project()
    project = unseen.project
    trace = make_trace(make_prompt(project), steps=STEPS)
    make_rating(trace, make_member(project, username="Kim"), labels=(-1, None, None))
    make_judge_score(trace, unseen.judge_scores.get().judge, (0.9, 0.8, 0.9))
    run = merge_now(project)
    engineer = make_member(project, Role.ENGINEER)
    address = reverse("annotation:explain_trace", args=[project.slug, run.pk, trace.pk])

    page = open_page(engineer, java_script_enabled=False)
    page.goto(reverse("annotation:show_merge", args=[project.slug, run.pk]))
    expect(page.get_by_role("heading", name="Where it is least sure")).to_be_visible()
    page.goto(address)
    row = page.locator("#step-1 tr", has_text="Kim")
    expect(row).to_contain_text("−")
    expect(row).to_contain_text("points")
    shown = open_page(engineer)
    shown.goto(address)
    expect_fit_to_be_seen(shown)
