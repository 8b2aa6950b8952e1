"""The page of alternatives over HTTP: who may see it, asking, and picking without a script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import branches, ratings
from annotation.models import Assignment, JobState, Rating, Role, StepBranch
from annotation.rules.draft import Draft
from annotation.tasks import models as model_tasks
from tests.annotation.views.test_ratings import client_of, form, make_lease, make_submitted
from tests.factories import (
    NOW,
    make_alternative,
    make_batch,
    make_branch,
    make_member,
    make_model_spec,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db
HTMX = {"hx-request": "true"}
FINISHED: dict[str, Any] = {"state": JobState.FINISHED, "finished_at": NOW}


def make_desk(labels: tuple[int | None, ...] = (1, -1, None)) -> Assignment:
    """A trace of a batch on its rater's desk, with a draft that says so much."""
    project = make_project()
    trace = make_trace(make_prompt(project), batch=make_batch(project), sample_index=0)
    assignment = make_lease(trace=trace)
    draft = Draft(labels=labels, notes={0: "kept"})
    ratings.save_draft(assignment=assignment, rater=assignment.rater, draft=draft, base_revision=0, now=NOW)
    return assignment


def url_of(assignment: Assignment, index: int = 1, view: str = "show_alternatives") -> str:
    return reverse(f"annotation:{view}", args=[assignment.pk, index])


def draft_of(assignment: Assignment) -> Draft:
    return ratings.get_draft(Assignment.objects.get(pk=assignment.pk))


@pytest.mark.parametrize("view", ["show_alternatives", "keep_rewrite"])
def test_only_the_rater_of_the_trace_comes_in(client: Client, view: str) -> None:
    assignment = make_desk()
    project = assignment.trace.project
    others = [make_member(project), make_member(project, Role.ADMIN), make_member(make_project())]

    answers = [client_of(other).post(url_of(assignment, view=view), {"text": "x"}) for other in others]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert client.get(url_of(assignment)).status_code == 302
    assert not StepBranch.objects.exists()


def test_a_step_that_there_is_not_is_not_found() -> None:
    assignment = make_desk()
    client = client_of(assignment.rater)

    assert client.get(url_of(assignment, 3)).status_code == 404
    assert client.post(url_of(assignment, 99, "keep_rewrite"), {"text": "x"}).status_code == 404


def test_a_form_asks_and_comes_back_to_the_page() -> None:
    assignment = make_desk()
    client = client_of(assignment.rater)
    before = client.get(url_of(assignment)).content.decode()

    answer = client.post(url_of(assignment), follow=True)

    assert "Ask the model" in before
    assert StepBranch.objects.get().step_index == 1
    assert "Asking the model … 0 alternatives so far" in answer.content.decode()


def test_the_rating_page_gets_the_part_that_looks_again_until_all_are_there() -> None:
    assignment = make_desk()
    client = client_of(assignment.rater)
    asked = client.post(url_of(assignment), {"label": "-1", "unless_asked": "1"}, headers=HTMX)
    branch = StepBranch.objects.get()
    make_alternative(branch, text="So he has <b>7</b>.\n")

    waiting = client.get(url_of(assignment), headers=HTMX).content.decode()
    StepBranch.objects.update(state=JobState.FINISHED, finished_at=NOW)
    done = client.get(url_of(assignment), headers=HTMX).content.decode()

    assert "<html" not in asked.content.decode()
    assert 'hx-trigger="load delay:1s"' in waiting
    assert "1 alternative so far" in waiting
    assert 'data-pick="So he has &lt;b&gt;7&lt;/b&gt;.' in waiting
    assert "hx-trigger" not in done
    assert "Ask for more" in done


def test_opening_a_step_again_shows_what_was_offered_and_asks_nothing() -> None:
    assignment = make_desk()
    make_branch(assignment, state=JobState.FINISHED, finished_at=NOW)

    client_of(assignment.rater).post(url_of(assignment), {"label": "-1", "unless_asked": "1"}, headers=HTMX)

    assert StepBranch.objects.count() == 1


def test_a_label_whose_save_is_on_its_way_counts() -> None:
    assignment = make_desk((1, None, None))
    client = client_of(assignment.rater)

    refused = client.post(url_of(assignment), headers=HTMX)
    client.post(url_of(assignment), {"label": "-1"}, headers=HTMX)

    assert "Rate this step bad first" in refused.content.decode()
    assert StepBranch.objects.count() == 1


def test_a_refused_question_is_said_on_the_page() -> None:
    assignment = make_desk((1, 1, 1))

    answer = client_of(assignment.rater).post(url_of(assignment))

    assert "Rate this step bad first" in answer.content.decode()


def test_a_failure_says_why_and_can_be_tried_again() -> None:
    assignment = make_desk()
    make_branch(assignment, state=JobState.FAILED, finished_at=NOW, error="Out of memory.")

    body = client_of(assignment.rater).get(url_of(assignment)).content.decode()

    assert "Out of memory." in body
    assert "Try again" in body


def test_tries_without_a_step_are_counted_and_their_empty_texts_not_shown() -> None:
    assignment = make_desk()
    branch = make_branch(assignment, state=JobState.FINISHED, finished_at=NOW)
    make_alternative(branch)
    make_alternative(branch, index=1, text="", refusal="The model wrote nothing more here.")

    body = client_of(assignment.rater).get(url_of(assignment)).content.decode()

    assert "1 try gave no new step" in body
    assert body.count('class="alternative"') == 1


def test_a_picked_alternative_is_kept_in_the_draft() -> None:
    assignment = make_desk()
    picked = make_alternative(make_branch(assignment))

    answer = client_of(assignment.rater).post(
        url_of(assignment, view="keep_rewrite"), {"alternative": str(picked.pk), "text": "left in the box"}
    )

    assert answer["Location"] == reverse("annotation:rate_trace", args=[assignment.pk]) + "#step-2"
    assert dict(draft_of(assignment).rewrites) == {1: picked.text}
    assert dict(draft_of(assignment).notes) == {0: "kept"}


def test_a_written_step_is_kept_as_it_was_typed_without_the_line_ends_of_forms() -> None:
    assignment = make_desk()

    client_of(assignment.rater).post(
        url_of(assignment, view="keep_rewrite"), {"text": "  He has 3 + 4 = 7.\r\n"}
    )

    assert draft_of(assignment).rewrites[1] == "  He has 3 + 4 = 7.\n"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({}, "Pick an alternative, or write the step."),
        ({"text": " \n"}, "Pick an alternative, or write the step."),
        ({"alternative": "1"}, "Pick an alternative, or write the step."),
        ({"alternative": "x"}, "Pick an alternative, or write the step."),
        ({"text": "y" * 20_001}, "20000"),
    ],
    ids=["nothing", "white space", "another step's", "no number", "too long"],
)
def test_what_can_not_be_kept_is_said_and_what_was_written_stays(sent: dict[str, str], sentence: str) -> None:
    assignment = make_desk()
    elsewhere = make_alternative(make_branch(make_desk()))
    sent = {**sent, **({"alternative": str(elsewhere.pk)} if sent.get("alternative") == "1" else {})}

    answer = client_of(assignment.rater).post(url_of(assignment, view="keep_rewrite"), sent)

    body = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in body
    assert sent.get("text", "").strip() in body
    assert dict(draft_of(assignment).rewrites) == {}


def test_a_submitted_trace_is_amended_instead() -> None:
    assignment = make_submitted((1, -1, None))

    body = client_of(assignment.rater).get(url_of(assignment)).content.decode()
    answer = client_of(assignment.rater).post(url_of(assignment, view="keep_rewrite"), {"text": "x"})

    assert reverse("annotation:amend_rating", args=[assignment.pk]) in body
    assert answer.status_code == 422


def test_without_a_script_an_alternative_is_taken_over_while_amending() -> None:
    assignment = make_submitted((1, -1, None), trace=make_trace(batch=make_batch(), sample_index=0))
    offered = make_alternative(make_branch(assignment, step_index=1, **FINISHED), text="He has seven now.\n")
    foreign = make_alternative(make_branch(**FINISHED), text="not offered here")
    client = client_of(assignment.rater)
    amend = reverse("annotation:amend_rating", args=[assignment.pk])

    link = f"{amend}?alternative={offered.pk}#step-2"
    assert link in client.get(url_of(assignment)).content.decode()
    page = client.get(link).content.decode()
    others = [
        client.get(f"{amend}?alternative={bad}").content.decode()
        for bad in (foreign.pk, "x", "9" * 30, "-1", "²")
    ]

    assert re.search(r'name="rewrite-1"[^>]*>\s*He has seven now\.', page)
    assert not any("He has seven now" in other or "not offered here" in other for other in others)
    client.post(amend, form(1, -1, **{"rewrite-1": "He has seven now.\n"}))
    assert Rating.objects.current().get().rewrites == {"1": "He has seven now.\n"}


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.django_db(transaction=True)
def test_the_shipped_model_is_asked_by_the_page_and_what_is_picked_is_the_rewrite_that_is_stored() -> None:
    project = make_project()
    batch = make_batch(project, model_spec=make_model_spec(location="shipped"))
    prompt = make_prompt(project, text="Tom has 3 apples and buys 4. How many has he?")
    steps = ("Tom has 3 apples.\n", "He buys 4, so he has 3 + 4 = 8.\n", "The answer is 8.")
    assignment = make_lease(trace=make_trace(prompt, steps=steps, batch=batch, sample_index=0))
    client = client_of(assignment.rater)
    client.post(reverse("annotation:rate_trace", args=[assignment.pk]), form(1, -1, action="save"))

    client.post(url_of(assignment))
    branch = StepBranch.objects.get()
    model_tasks.sample_alternatives(branch.pk)
    offer = client.get(url_of(assignment)).content.decode()

    branch.refresh_from_db()
    texts = [row.text for row in branch.alternatives.all() if row.text]
    assert branch.state == JobState.FINISHED, branch.error
    assert branch.alternatives.count() == branches.NUM_ALTERNATIVES
    assert texts and all(text != steps[1] for text in texts)
    assert offer.count("Use this") == len(texts)
    picked = branch.alternatives.exclude(text="").first()
    client.post(url_of(assignment, view="keep_rewrite"), {"alternative": picked.pk})
    rewrite = draft_of(assignment).rewrites[1]
    client.post(reverse("annotation:rate_trace", args=[assignment.pk]), form(1, -1, **{"rewrite-1": rewrite}))
    assert Rating.objects.get().rewrites == {"1": picked.text}


def test_an_imported_trace_looks_like_the_others_of_its_project() -> None:
    project = make_project()
    made = make_trace(make_prompt(project), batch=make_batch(project), sample_index=0)
    rater = make_member(project)
    desks = [make_lease(rater=rater, trace=trace) for trace in (made, make_trace(make_prompt(project)))]

    pages = [
        client_of(rater).get(reverse("annotation:rate_trace", args=[desk.pk])).content.decode()
        for desk in desks
    ]
    offers = [client_of(rater).get(url_of(desk)).content.decode() for desk in desks]

    assert ["data-alternatives-link" in page for page in pages] == [True, True]
    assert ["The model can be asked" in page for page in offers] == [True, True]


def test_where_no_model_ever_wrote_there_is_no_offer() -> None:
    assignment = make_lease()

    page = client_of(assignment.rater).get(reverse("annotation:rate_trace", args=[assignment.pk]))
    offer = client_of(assignment.rater).get(url_of(assignment))

    assert "data-alternatives-link" not in page.content.decode()
    assert "There is no model here to ask." in offer.content.decode()
