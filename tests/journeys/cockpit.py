"""What the rating journeys share: a project to rate in, and words for what a rater does and sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.models import Account, Project
from tests.factories import make_member, make_project, make_prompt, make_trace

SIX_STEPS = tuple(f"Step {number}: ${number} + 1 = {number + 1}$.\n" for number in range(1, 7))


def make_rating_project(
    num_traces: int = 1, *, steps: Sequence[str] = SIX_STEPS, **fields: Any
) -> tuple[Project, Account]:
    """A project with so many traces that differ in their last step, and a rater."""
    project = make_project(**{"guidelines": "# How\n\nRate **each** step.", **fields})
    prompt = make_prompt(project)
    for number in range(num_traces):
        make_trace(
            prompt, steps=(*steps[:-1], f"{steps[-1]} (trace {number})"), queue_key=number / (num_traces + 1)
        )
    return project, make_member(project)


def start_rating(page: Page, project: Project) -> None:
    page.goto(reverse("annotation:next_trace", args=[project.slug]))
    expect(page.locator("form.has-script")).to_be_visible()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def expect_saved(page: Page) -> None:
    expect(page.locator("[data-save-state]")).to_have_text("Saved")


def wait_until(holds: Callable[[], bool], seconds: float = 8.0) -> None:
    """Until what the page sends behind the rater's back has arrived."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not become true."
        time.sleep(0.02)


def shown_labels(page: Page) -> list[str]:
    """What each step shows: bad, neutral, good or none."""
    return list(page.locator("[data-step]").evaluate_all("steps => steps.map(step => step.dataset.label)"))


def current_step(page: Page) -> int:
    """The number of the current step, which also has the keyboard."""
    current = page.locator("[data-step][aria-current=step]")
    expect(current).to_have_count(1)
    assert current.locator("[data-card]").evaluate("card => card === document.activeElement")
    return int(current.get_attribute("data-step") or -1) + 1
