"""Judge scores to blind raters, the hidden reference, gold and the verifier's word: in no answer a rater can get."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Assignment, Project
from tests.addresses import list_addresses
from tests.factories import (
    make_assignment,
    make_gold,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db

# Words that stand nowhere else, so that an answer that holds one has leaked it.
REFERENCE, TRUTH, JUDGE, RATIONALE, MODEL = "7734501", "7734502", "quibbler", "since-7734503", "model-7734504"
OTHER, OTHERS_NOTE = "somebody7734506", "wrong-7734507"
SECRETS = (
    OTHER,
    OTHERS_NOTE,
    TRUTH,
    JUDGE,
    RATIONALE,
    MODEL,
    "0.8271",
    "82.71",
    "83 %",
    "is_gold",
    "Gold",
    "7734505",
)


@pytest.fixture
def project() -> Project:
    """Blind: no assisted share; scores stay with the staff, and so does the reference."""
    return make_project(shows_reference=False, shows_scores_after=False, assisted_share=0.0)


@pytest.fixture
def assignment(project: Project) -> Assignment:
    """A gold trace, judged and checked, in a rater's hands; and two more of its prompt to compare."""
    prompt = make_prompt(project, reference_answer=REFERENCE, ground_truth=TRUTH, source={"file": "7734505"})
    judge = make_judge(name=JUDGE, note=f"{JUDGE} knows")
    traces = [
        make_trace(
            prompt, is_answer_correct=bool(number), final_answer="7", model_name=MODEL, queue_key=number / 4
        )
        for number in range(3)
    ]
    for trace in traces:
        make_judge_score(trace, judge, (0.8271, 0.8271, 0.8271), rationales=[RATIONALE] * 3)
    make_gold(traces[0])
    make_rating(
        traces[0], make_member(project, username=OTHER), labels=(1, -1, None), notes={"1": OTHERS_NOTE}
    )
    now = timezone.now()
    return make_assignment(
        traces[0], make_member(project), leased_at=now, expires_at=now + dt.timedelta(minutes=30)
    )


@pytest.fixture
def rater(assignment: Assignment) -> Client:
    client = Client()
    client.force_login(assignment.rater)
    return client


def list_answers(rater: Client, assignment: Assignment) -> Iterator[tuple[str, Any]]:
    """Whatever a rater can ask of a trace and its project: every address there is, as page and as fragment."""
    trace = assignment.trace
    values = {
        "slug": trace.project.slug,
        "assignment_id": assignment.pk,
        "trace_id": trace.pk,
        "prompt_id": trace.prompt_id,
        "account_id": assignment.rater_id,
        "index": 0,
    }
    for address in list_addresses():
        if address.is_of_admin or address.name == "api:schema":  # which names gold, but none
            continue
        pk = trace.prompt_id if "prompt" in address.name else trace.pk
        path = address.fill({**values, "pk": pk})
        yield path, rater.get(path, follow=True)
        yield f"{path} (part)", rater.get(path, headers={"HX-Request": "true"}, follow=True)
        if address.name.endswith("_list"):
            yield f"{path} of the project", rater.get(path, {"project": trace.project.slug})


def find_leaks(answers: Iterator[tuple[str, Any]], secrets: tuple[str, ...]) -> list[tuple[str, str]]:
    leaks = []
    for where, answer in answers:
        told = answer.getvalue().decode() + str(dict(answer.headers))
        leaks += [(where, secret) for secret in secrets if secret in told]
    return leaks


def submit(rater: Client, assignment: Assignment) -> None:
    form = {
        "action": "submit",
        "idempotency_key": str(uuid4()),
        **{f"label-{index}": "1" for index in range(3)},
    }
    assert rater.post(reverse("annotation:rate_trace", args=[assignment.pk]), form).status_code == 302


def test_before_submitting_nothing_is_told(rater: Client, assignment: Assignment) -> None:
    assert find_leaks(list_answers(rater, assignment), (*SECRETS, REFERENCE)) == []


def test_after_submitting_nothing_is_told_where_the_project_keeps_it(
    rater: Client, assignment: Assignment
) -> None:
    submit(rater, assignment)

    assert find_leaks(list_answers(rater, assignment), (*SECRETS, REFERENCE)) == []


def test_saving_refusing_and_submitting_tell_nothing(rater: Client, assignment: Assignment) -> None:
    page = reverse("annotation:rate_trace", args=[assignment.pk])
    draft = reverse("annotation:save_draft", args=[assignment.pk])
    saved = json.dumps({"labels": [1, None, None], "base_revision": 0})
    form = {"action": "submit", "idempotency_key": str(uuid4())}
    answers = [
        ("draft", rater.post(draft, saved, content_type="application/json")),
        ("stale draft", rater.post(draft, saved.replace("1,", "0,"), content_type="application/json")),
        ("no draft", rater.post(draft, "{", content_type="application/json")),
        ("refused", rater.post(page, form)),
        ("refused part", rater.post(page, form, headers={"HX-Request": "true"})),
        (
            "skipped, and the next one",
            rater.post(page, {**form, "action": "skip"}, headers={"HX-Request": "true"}),
        ),
    ]

    assert find_leaks(iter(answers), (*SECRETS, REFERENCE)) == []


def test_a_rating_sent_by_the_api_answers_with_the_rating_alone(
    rater: Client, assignment: Assignment
) -> None:
    body = {"trace": assignment.trace_id, "labels": [1, 1, 1], "idempotency_key": str(uuid4())}
    answer = rater.post("/api/v1/ratings/", json.dumps(body), content_type="application/json")

    assert answer.status_code == 201
    assert find_leaks(iter([("submitted", answer)]), (*SECRETS, REFERENCE)) == []


def test_the_walk_would_notice_scores_and_the_reference(
    rater: Client, assignment: Assignment, project: Project
) -> None:
    project.shows_reference = project.shows_scores_after = True
    project.save()
    submit(rater, assignment)

    told = {secret for _, secret in find_leaks(list_answers(rater, assignment), (*SECRETS, REFERENCE))}

    assert told == {REFERENCE, JUDGE, RATIONALE, "83 %"}
