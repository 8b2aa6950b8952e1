"""The trace after the current one over HTTP: fetched ahead by the script, never seen by a browser without one."""

from __future__ import annotations

import datetime as dt
import json
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Account, Assignment, AssignmentState, Project, Rating, Role
from tests.factories import make_judge_score, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db


def make_desk(num_traces: int, **fields: object) -> tuple[Client, Assignment]:
    """A rater's browser with the first trace on the desk."""
    project = make_project(**fields)
    prompt = make_prompt(project)
    for number in range(num_traces):
        make_trace(prompt, queue_key=(number + 0.5) / num_traces)
    rater = make_member(project)
    return client_of(rater), open_next(rater, project)


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def open_next(rater: Account, project: Project) -> Assignment:
    client_of(rater).get(reverse("annotation:next_trace", args=[project.slug]))
    return Assignment.objects.get(rater=rater, state=AssignmentState.LEASED, is_ahead=False)


def look_ahead(client: Client, assignment: Assignment) -> HttpResponse:
    return client.post(reverse("annotation:lease_ahead", args=[assignment.pk]), HTTP_HX_REQUEST="true")  # type: ignore[return-value]


def submit(client: Client, assignment: Assignment, shown: object = "") -> HttpResponse:
    sent = {
        "action": "submit",
        "idempotency_key": str(uuid4()),
        "shown": shown,
        **{f"label-{index}": "1" for index in range(3)},
    }
    url = reverse("annotation:rate_trace", args=[assignment.pk])
    return client.post(url, sent, HTTP_HX_REQUEST="true")  # type: ignore[return-value]


def url_of(assignment: Assignment) -> str:
    return reverse("annotation:rate_trace", args=[assignment.pk])


def test_the_script_gets_the_next_traces_form_and_its_address() -> None:
    client, current = make_desk(2)

    answer = look_ahead(client, current)

    ahead = Assignment.objects.get(is_ahead=True)
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, url_of(ahead))
    assert f'action="{url_of(ahead)}"' in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_looking_ahead_leaves_the_current_trace_on_the_desk() -> None:
    client, current = make_desk(3)
    look_ahead(client, current)

    answer = client.get(reverse("annotation:next_trace", args=[current.trace.project.slug]))

    assert answer["Location"] == url_of(current)


def test_where_nothing_comes_after_there_is_no_content() -> None:
    client, current = make_desk(1)

    assert look_ahead(client, current).status_code == 204


def test_submitting_with_the_next_one_shown_answers_with_the_one_after_that() -> None:
    client, first = make_desk(3)
    look_ahead(client, first)
    second = Assignment.objects.get(is_ahead=True)

    answer = submit(client, first, shown=second.pk)

    second.refresh_from_db()
    third = Assignment.objects.get(is_ahead=True)
    assert not second.is_ahead
    assert answer["HX-Push-Url"] == url_of(third)
    assert third.pk not in {first.pk, second.pk}


def test_submitting_the_last_but_one_answers_without_content() -> None:
    client, first = make_desk(2)
    look_ahead(client, first)
    second = Assignment.objects.get(is_ahead=True)

    assert submit(client, first, shown=second.pk).status_code == 204
    assert "all for now" in submit(client, second).content.decode()
    assert Rating.objects.count() == 2


@pytest.mark.parametrize("shown", ["", "7", "x", "99999999999999999999"])
def test_a_script_that_shows_something_else_gets_what_lies_on_the_desk(shown: str) -> None:
    client, first = make_desk(2)
    look_ahead(client, first)
    second = Assignment.objects.get(is_ahead=True)

    answer = submit(client, first, shown=shown)

    assert answer["HX-Push-Url"] == url_of(second)
    assert Rating.objects.count() == 1


def test_signing_out_gives_all_that_one_holds_to_somebody_else() -> None:
    client, current = make_desk(2, overlap=1)
    look_ahead(client, current)

    answer = client.post(reverse("annotation:sign_out"))

    project = current.trace.project
    assert answer.status_code == 302
    assert not Assignment.objects.filter(is_ahead=True).exists()
    others = {open_next(make_member(project), project).trace_id for _ in range(2)}
    assert current.trace_id in others


def test_a_blind_rater_gets_no_score_of_the_trace_ahead_and_an_assisted_one_on_record() -> None:
    for share in (0.0, 1.0):
        client, current = make_desk(2, assisted_share=share)
        for trace in current.trace.project.trace_set.all():
            make_judge_score(trace, probabilities=(0.8271, 0.8271, 0.8271))

        page = look_ahead(client, current).content.decode()

        ahead = Assignment.objects.get(is_ahead=True, rater=current.rater)
        assert ("83 %" in page) == bool(share)
        assert (ahead.scores_shown_at is not None) == bool(share)


def test_others_outsiders_and_plain_links_lease_nothing() -> None:
    client, current = make_desk(2)
    url = reverse("annotation:lease_ahead", args=[current.pk])
    project = current.trace.project

    assert Client().post(url).status_code == 302
    assert client_of(make_member(project)).post(url).status_code == 404
    assert client_of(make_member(make_project(), Role.ADMIN)).post(url).status_code == 404
    assert client.get(url).status_code == 405
    assert Assignment.objects.count() == 1


def test_saving_the_current_draft_keeps_the_trace_ahead() -> None:
    client, current = make_desk(2)
    look_ahead(client, current)
    Assignment.objects.update(expires_at=timezone.now() + dt.timedelta(seconds=5))
    draft = {"labels": [1, None, None], "writer": "page", "sequence": 1, "base_revision": 0}

    client.post(reverse("annotation:save_draft", args=[current.pk]), json.dumps(draft), "application/json")

    ahead = Assignment.objects.get(is_ahead=True)
    assert ahead.expires_at > timezone.now() + dt.timedelta(minutes=25)
