"""What a hostile model wrote, on the pages beside the rating page: review, practice, imports, dry runs, explanations,
and what judges say of a step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import GoldUse, JobState, Role
from tests.factories import (
    NOW,
    make_assignment,
    make_attempt,
    make_dry_run,
    make_gold,
    make_import_source,
    make_judge,
    make_judge_score,
    make_member,
    make_practice_answer,
    make_rating,
)
from tests.journeys.test_hostile_traces import (
    STEPS,
    HostileWorld,
    WatchedPages,
    expect_harmless,
    watched,
    world,
)

__all__ = ["watched", "world"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FINISHED = {"state": JobState.FINISHED, "finished_at": NOW}
# What is said to be the bytes as they are, in a box of its own, is left out.
_TEXT = """main => {
  const copy = main.cloneNode(true);
  for (const raw of copy.querySelectorAll("pre")) raw.remove();
  return copy.textContent;
}"""
NOTES = {str(index): text for index, text in enumerate(STEPS)}


def let_a_judge_speak(world: HostileWorld) -> None:
    judge = make_judge(project=world.project, name="<b>judge</b>")
    make_judge_score(world.traces[0], judge, [0.5] * world.num_steps, rationales=list(STEPS))


def open_review(world: HostileWorld) -> str:
    let_a_judge_speak(world)
    right, wrong = [1] * world.num_steps, [-1, *[None] * (world.num_steps - 1)]
    for labels in (right, wrong):
        make_rating(world.traces[0], labels=labels, notes=NOTES)
    return reverse("annotation:decide_trace", args=[world.project.slug, world.traces[0].pk])


def open_trace(world: HostileWorld) -> str:
    let_a_judge_speak(world)
    return reverse("annotation:show_trace", args=[world.project.slug, world.traces[0].pk])


def open_rating(world: HostileWorld) -> str:
    let_a_judge_speak(world)
    assignment = make_assignment(
        world.traces[0], world.rater, state="submitted", ended_at=NOW, scores_shown_at=NOW
    )
    make_rating(world.traces[0], assignment=assignment, labels=[1] * world.num_steps)
    return reverse("annotation:show_rating", args=[assignment.pk])


def open_assisted(world: HostileWorld) -> str:
    let_a_judge_speak(world)
    later = timezone.now() + dt.timedelta(hours=1)
    assignment = make_assignment(world.traces[0], world.rater, is_assisted=True, expires_at=later)
    return reverse("annotation:rate_trace", args=[assignment.pk])


def open_tutorial(world: HostileWorld) -> str:
    make_gold(world.traces[0], [True] * world.num_steps, use=GoldUse.TUTORIAL, note="".join(STEPS))
    return reverse("annotation:practise_trace", args=[world.project.slug, world.traces[0].pk])


def open_feedback(world: HostileWorld) -> str:
    open_tutorial(world)
    make_practice_answer(world.traces[0], world.rater, [-1, *[None] * (world.num_steps - 1)], is_right=False)
    return reverse("annotation:show_feedback", args=[world.project.slug, world.traces[0].pk])


def open_test(world: HostileWorld) -> str:
    make_gold(world.traces[0], [True] * world.num_steps, use=GoldUse.TEST)
    attempt = make_attempt(world.project, world.rater, trace_ids=[world.traces[0].pk])
    return reverse("annotation:take_test", args=[world.project.slug, attempt.pk])


def open_import(world: HostileWorld) -> str:
    rows = [
        {"number": number, "values": {"prompt": text, "<b>x</b>": text}, "fault": ""}
        for number, text in enumerate(STEPS[:8], start=1)
    ]
    source = make_import_source(
        world.project, name="<b>set</b>", columns=["prompt", "<b>x</b>"], sample=rows, num_rows=8, **FINISHED
    )
    return reverse("annotation:prepare_import", args=[world.project.slug, source.pk])


def open_dry_run(world: HostileWorld) -> str:
    text = "".join(STEPS)
    run = make_dry_run(
        world.traces[0].prompt,
        told=text,
        completion=text,
        finish_reason="stop",
        final_answer=STEPS[0],
        **FINISHED,
    )
    return reverse("annotation:show_dry_run", args=[world.project.slug, run.pk])


def open_explanation(world: HostileWorld) -> str:
    let_a_judge_speak(world)
    engineer = make_member(world.project, Role.ENGINEER)
    for _ in range(2):
        make_rating(world.traces[0], labels=[1] * world.num_steps)
    run = merges.start_merge(
        project=world.project, policy=MergePolicy(name="human_only"), actor=engineer, now=NOW
    )
    merges.run_merge(run_id=run.pk, clock=lambda: NOW)
    return reverse("annotation:explain_trace", args=[world.project.slug, run.pk, world.traces[0].pk])


PAGES: dict[str, tuple[Callable[[HostileWorld], str], Role]] = {
    "review": (open_review, Role.ADJUDICATOR),
    "trace": (open_trace, Role.ADMIN),
    "rating": (open_rating, Role.RATER),
    "assisted": (open_assisted, Role.RATER),
    "tutorial": (open_tutorial, Role.RATER),
    "feedback": (open_feedback, Role.RATER),
    "test": (open_test, Role.RATER),
    "import": (open_import, Role.ENGINEER),
    "dry run": (open_dry_run, Role.ENGINEER),
    "explanation": (open_explanation, Role.ADMIN),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_stays_the_product_s(watched: WatchedPages, world: HostileWorld, name: str) -> None:
    prepare, role = PAGES[name]
    path = prepare(world)
    account = world.rater if role == Role.RATER else make_member(world.project, role)
    page, watch = watched.open(account, path)
    for details in page.locator("main details").all():
        details.evaluate("details => details.open = true")

    assert "/sign-in/" not in page.url
    assert page.locator("main", has_text="alert(1)").count() == 1
    assert "\u202e" not in page.locator("main").evaluate(_TEXT)
    expect_harmless(page, watch)
