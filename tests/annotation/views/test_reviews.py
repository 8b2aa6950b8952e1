"""Review: who may, what an adjudicator sees side by side, deciding, appeals answered."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Appeal, AppealState, Decision, Disagreement, Gold, Project, Role, Trace
from tests.annotation.views.roles import VISITORS, make_visitor
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

pytestmark = pytest.mark.django_db
MAY = {"adjudicator", "admin", "site admin"}
STATUS = {"rater": 403, "engineer": 403, "paused admin": 404, "outsider": 404, "nobody": 302}


@pytest.fixture
def project() -> Project:
    return make_project(name="Sums", shows_decisions=True)


@pytest.fixture
def trace(project: Project) -> Trace:
    trace = make_trace(make_prompt(project, text="How much is 3 + 4?"), is_answer_correct=True)
    ann = make_member(project, username="ann", display_name="Ann")
    bob = make_member(project, username="bob", display_name="Bob", is_simulated=True)
    make_rating(
        trace,
        ann,
        (1, -1, None),
        notes={"1": "This can't be."},
        error_categories={"1": "Calculation"},
        rewrites={"1": "So he has 3 + 4."},
        is_reference_wrong=True,
    )
    make_rating(trace, bob, (1, 1, 1))
    make_judge_score(trace, make_judge(name="arithmetic"), (0.9, 0.8, 0.7), rationales=["", "Sum holds.", ""])
    make_disagreement(trace)
    return trace


@pytest.fixture
def adjudicator(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ADJUDICATOR, username="judy"))
    return client


def path(view: str, project: Project, *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


def decide(client: Client, trace: Trace, labels: tuple[Any, ...] = (1, -1, ""), **fields: Any) -> Any:
    data = {f"label-{index}": str(label) for index, label in enumerate(labels)}
    sent = {"action": "decide", "idempotency_key": str(uuid4()), **data, **fields}
    return client.post(path("decide_trace", trace.project, trace.pk), sent)


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("view", ["list_disagreements", "next_disagreement", "decide_trace"])
def test_adjudicators_and_admins_review(visitor: str, view: str, project: Project, trace: Trace) -> None:
    args = [trace.pk] if view == "decide_trace" else []

    response = make_visitor(visitor, project).client.get(path(view, project, *args))

    done = 302 if view == "next_disagreement" else 200
    assert response.status_code == (done if visitor in MAY else STATUS[visitor])


@pytest.mark.parametrize("visitor", [visitor for visitor in VISITORS if visitor not in MAY])
def test_nobody_else_decides_or_answers(visitor: str, project: Project, trace: Trace) -> None:
    decision = make_decision(trace)
    appeal = make_appeal(decision, trace.ratings.get(rater__username="ann").rater)
    client = make_visitor(visitor, project).client

    decide(client, trace)
    client.post(path("answer_appeal", project, appeal.pk), {"answer": "No."})

    assert Decision.objects.count() == 1
    assert Appeal.objects.get().state == AppealState.OPEN


def test_the_queue_is_listed_by_what_a_decision_tells(
    adjudicator: Client, project: Project, trace: Trace
) -> None:
    more = make_trace(project=project)
    make_disagreement(more, bits=1.5)
    make_disagreement(make_trace(project=project), bits=0.2, is_open=False)
    make_disagreement(make_trace(), bits=9)

    page = adjudicator.get(path("list_disagreements", project))

    listed = [line.row.trace_id for line in page.context["tables"]["disagreements"].lines]
    assert listed == [more.pk, trace.pk]
    assert page.context["tables"]["disagreements"].lines[1].row.num_ratings == 2


def test_the_next_one_is_the_most_informative_and_passing_over_leads_to_the_one_after(
    adjudicator: Client, project: Project, trace: Trace
) -> None:
    more = make_trace(project=project)
    make_disagreement(more, bits=1.5)

    first = adjudicator.get(path("next_disagreement", project))
    again = adjudicator.get(path("next_disagreement", project))
    second = adjudicator.get(path("next_disagreement", project), {"after": more.pk})
    end = adjudicator.get(path("next_disagreement", project), {"after": trace.pk}, follow=True)

    assert first["Location"] == again["Location"] == path("decide_trace", project, more.pk)
    assert second["Location"] == path("decide_trace", project, trace.pk)
    assert "No other disagreement is waiting." in end.text


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "²", "123456"])
def test_an_address_that_passes_over_nothing_gives_the_first(
    after: str, adjudicator: Client, project: Project, trace: Trace
) -> None:
    response = adjudicator.get(path("next_disagreement", project), {"after": after})

    assert response["Location"] == path("decide_trace", project, trace.pk)


def test_everything_that_was_said_stands_side_by_side(
    adjudicator: Client, project: Project, trace: Trace
) -> None:
    page = adjudicator.get(path("decide_trace", project, trace.pk)).text

    for words in (
        "Ann",
        "Bob",
        "This can&#x27;t be.",
        "Calculation",
        "So he has 3 + 4.",
        "arithmetic",
        "Sum holds.",
        "80 %",
        "the reference answer is wrong",
        "How much is 3 + 4?",
        "simulated",
        "step-disputed",
    ):
        assert words in page, words
    assert page.count("step-disputed") == 1


def test_a_decision_is_stored_and_the_next_disagreement_comes(
    adjudicator: Client, project: Project, trace: Trace
) -> None:
    response = decide(adjudicator, trace, note="3 + 4 is 7.", **{"note-1": "See the sum."})

    assert response["Location"] == path("next_disagreement", project)
    decision = Decision.objects.get()
    assert decision.labels == [1, -1, None]
    assert (decision.note, decision.step_notes) == ("3 + 4 is 7.", {"1": "See the sum."})
    assert decision.has_seen_scores
    assert not Disagreement.objects.get().is_open


def test_labels_behind_the_first_error_are_left_out(adjudicator: Client, trace: Trace) -> None:
    decide(adjudicator, trace, (1, -1, 1))

    assert Decision.objects.get().labels == [1, -1, None]


def test_a_decision_becomes_gold_where_wanted_and_a_second_one_takes_it_back(
    adjudicator: Client, trace: Trace
) -> None:
    decide(adjudicator, trace, makes_gold="1")
    assert Gold.objects.get().stands == [True, False, False]

    decide(adjudicator, trace, (1, 1, 1))

    assert not Gold.objects.exists()
    assert [d.revision for d in Decision.objects.all()] == [1, 2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"label-1": ""}, "Step 2 is not judged yet."),
        ({"label-1": "7"}, "Step 2 is labelled"),
        ({"action": "bad_problem"}, "Say in a few words what is wrong with the problem."),
        ({"action": "bad_problem", "note": "x", "makes_gold": "1"}, "can’t be gold"),
        ({"idempotency_key": "x"}, "Reload the page"),
        ({"action": "other"}, "Select a valid choice"),
        ({"note": "x" * 5001}, "at most 5,000 characters"),
        ({"note-2": "y" * 5001}, "5,000"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_lost(
    fields: dict[str, str], words: str, adjudicator: Client, trace: Trace
) -> None:
    response = decide(adjudicator, trace, (1, 1, 1), **{"note-0": "My own words.", **fields})

    assert response.status_code == 422
    assert words in response.text
    assert "My own words." in response.text
    assert not Decision.objects.exists()


def test_a_decision_sent_twice_is_stored_once(adjudicator: Client, trace: Trace) -> None:
    key = str(uuid4())

    for _ in range(2):
        decide(adjudicator, trace, idempotency_key=key)

    assert Decision.objects.count() == 1


def test_an_appeal_is_answered_as_kept_or_as_changed(
    adjudicator: Client, project: Project, trace: Trace
) -> None:
    decision = make_decision(trace, (1, -1, None))
    ann, bob = (trace.ratings.get(rater__username=name).rater for name in ("ann", "bob"))
    kept, changed = make_appeal(decision, ann), make_appeal(decision, bob)

    adjudicator.post(path("answer_appeal", project, kept.pk), {"answer": "Read step 2 again."})
    response = decide(adjudicator, trace, (1, 1, 1))
    adjudicator.post(path("answer_appeal", project, changed.pk), {"answer": "You are right."})

    assert response["Location"] == path("decide_trace", project, trace.pk)  # an appeal is still open
    kept.refresh_from_db()
    changed.refresh_from_db()
    assert (kept.state, kept.answer) == (AppealState.KEPT, "Read step 2 again.")
    assert changed.state == AppealState.CHANGED


def test_an_answer_without_words_or_a_second_one_is_refused(
    adjudicator: Client, project: Project, trace: Trace
) -> None:
    ann = trace.ratings.get(rater__username="ann").rater
    appeal = make_appeal(make_decision(trace), ann)
    address = path("answer_appeal", project, appeal.pk)

    empty = adjudicator.post(address, {"answer": "  "})
    assert "Answer in a few words" in empty.text
    adjudicator.post(address, {"answer": "No."})
    again = adjudicator.post(address, {"answer": "Yes."})

    assert again.status_code == 422
    assert Appeal.objects.get().answer == "No."


def test_whoever_rated_a_trace_is_told_so(project: Project, trace: Trace) -> None:
    client = Client()
    account = make_member(project, Role.ADMIN)
    make_rating(trace, account, (1, 1, 1), submitted_at=NOW - dt.timedelta(hours=1))
    client.force_login(account)

    assert "You rated this trace yourself" in client.get(path("decide_trace", project, trace.pk)).text


def test_an_answered_appeal_is_still_in_the_list(adjudicator: Client, project: Project, trace: Trace) -> None:
    address = path("list_disagreements", project)
    assert "Appeals" not in adjudicator.get(address).text

    appeal = make_appeal(make_decision(trace), trace.ratings.get(rater__username="ann").rater)
    adjudicator.post(path("answer_appeal", project, appeal.pk), {"answer": "Read step 2 again."})

    at_first, everything = adjudicator.get(address).text, adjudicator.get(address, {"a-state": ""}).text
    assert "No appeal is waiting." in at_first
    assert f'href="{address}?a-state="' in at_first
    assert "Read step 2 again." not in at_first
    assert "Read step 2 again." in everything
    assert "Decision kept" in everything


def test_traces_and_appeals_of_other_projects_are_not_found(adjudicator: Client, project: Project) -> None:
    strange = make_trace()
    appeal = make_appeal(make_decision(strange), make_member(strange.project))

    assert adjudicator.get(path("decide_trace", project, strange.pk)).status_code == 404
    answer = adjudicator.post(path("answer_appeal", project, appeal.pk), {"answer": "No."})
    assert answer.status_code == 404


def test_what_people_wrote_is_text(adjudicator: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project), steps=("<script>alert(1)</script>\n", "b"))
    rating = make_rating(
        trace, labels=(-1, None), notes={"0": "<img src=x>"}, rewrites={"0": "<b onclick=x>"}
    )
    make_appeal(make_decision(trace, (1, 1)), rating.rater, reason="<script>alert(2)</script>")

    page = adjudicator.get(path("decide_trace", project, trace.pk)).text

    for hostile in ("<script>alert", "<img src=x", "<b onclick"):
        assert hostile not in page


def test_a_trace_that_another_adjudicator_took_says_so(
    project: Project, trace: Trace, adjudicator: Client
) -> None:
    other = Client()
    other.force_login(make_member(project, Role.ADJUDICATOR, username="jim", display_name="Jim"))
    page = path("decide_trace", project, trace.pk)

    other.get(path("next_disagreement", project))

    assert "Jim took this trace to review it" in adjudicator.get(page).text
    assert "took this trace" not in other.get(page).text
    Disagreement.objects.update(held_until=NOW)
    assert "took this trace" not in adjudicator.get(page).text
