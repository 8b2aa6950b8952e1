"""What raters see of decisions on their own work: nothing of others, nothing of gold, and one appeal."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Appeal, Project, Rating, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import NOW, make_decision, make_gold, make_member, make_project, make_rating, make_trace

pytestmark = pytest.mark.django_db
STATUS = {
    "rater": 200, "site admin": 200, "adjudicator": 403, "engineer": 403, "admin": 403,
    "paused admin": 404, "outsider": 404, "nobody": 302,
}  # fmt: skip


@pytest.fixture
def project() -> Project:
    return make_project(shows_decisions=True)


@pytest.fixture
def rating(project: Project) -> Rating:
    rating = make_rating(make_trace(project=project), make_member(project, username="ann"), (1, 1, 1))
    make_rating(rating.trace, make_member(project, username="bob", display_name="Bobby"), (1, -1, None))
    make_decision(
        rating.trace,
        (1, -1, None),
        adjudicator=make_member(project, Role.ADJUDICATOR, username="judy", display_name="Judith"),
        decided_at=NOW + dt.timedelta(hours=1),
        note="Read it again.",
        step_notes={"1": "That is 7."},
    )
    make_gold(rating.trace, (True, False, False))
    return rating


@pytest.fixture
def ann(rating: Rating) -> Client:
    client = Client()
    client.force_login(rating.rater)
    return client


def own_page(rating: Rating) -> str:
    return reverse("annotation:show_rating", args=[rating.assignment_id])


@pytest.mark.parametrize("visitor", VISITORS)
def test_the_list_is_for_raters(visitor: str, project: Project) -> None:
    address = reverse("annotation:list_decisions", args=[project.slug])

    assert make_visitor(visitor, project).client.get(address).status_code == STATUS[visitor]


def test_a_project_that_hides_decisions_has_no_such_page_and_no_link_to_it(
    ann: Client, project: Project
) -> None:
    overview = reverse("annotation:show_project", args=[project.slug])
    assert "Decisions" in ann.get(overview).text
    Project.objects.update(shows_decisions=False)

    assert ann.get(reverse("annotation:list_decisions", args=[project.slug])).status_code == 403
    assert "Decisions" not in ann.get(overview).text


def test_a_rater_reads_the_decision_beside_their_own_rating(ann: Client, rating: Rating) -> None:
    listed = ann.get(reverse("annotation:list_decisions", args=[rating.trace.project.slug])).text
    page = ann.get(own_page(rating)).text

    assert "First error in step 2" in listed
    assert own_page(rating) in listed
    assert "Read it again." in page
    assert "That is 7." in page
    assert "otherwise than you rated it" in page
    assert "Amend" not in page


def test_nothing_says_who_else_rated_who_decided_or_that_it_is_gold(ann: Client, rating: Rating) -> None:
    addresses = [reverse("annotation:list_decisions", args=[rating.trace.project.slug]), own_page(rating)]
    csv = ann.get(addresses[0], {"csv": "decisions"})
    shown = [ann.get(address).text for address in addresses]
    shown.append(b"".join(csv.streaming_content).decode())  # type: ignore[attr-defined]

    for page in shown:
        for word in ("Bobby", "bob", "Judith", "judy", "gold", "Gold"):
            assert word not in page, word


def test_another_raters_page_and_appeal_are_not_found(rating: Rating, project: Project) -> None:
    client = Client()
    client.force_login(make_member(project))

    assert client.get(own_page(rating)).status_code == 404
    appeal = reverse("annotation:file_appeal", args=[rating.assignment_id])
    assert client.post(appeal, {"reason": "x"}).status_code == 404
    assert not Appeal.objects.exists()


def test_an_appeal_is_filed_shown_and_its_answer_read(ann: Client, rating: Rating) -> None:
    address = reverse("annotation:file_appeal", args=[rating.assignment_id])

    page = ann.post(address, {"reason": "3 + 4 is 7."}, follow=True).text
    assert "Your appeal is filed." in page
    assert "It waits for an answer." in page
    assert "File the appeal" not in page

    judy = rating.trace.decisions.get().adjudicator
    Appeal.objects.update(
        state="kept", answer="It is, and the step says 8.", answered_by=judy, answered_at=NOW
    )
    page = ann.get(own_page(rating)).text
    assert "The decision was kept." in page
    assert "the step says 8" in page


def test_what_is_wrong_with_an_appeal_is_said_beside_its_words(ann: Client, rating: Rating) -> None:
    address = reverse("annotation:file_appeal", args=[rating.assignment_id])

    empty = ann.post(address, {"reason": ""}).text
    long = ann.post(address, {"reason": "z" * 5001}).text

    assert "Say why you think that the decision is wrong." in empty
    assert "zzzz" in long
    assert "at most 5000 characters" in long
    assert not Appeal.objects.exists()


def test_gold_that_was_decided_before_it_was_rated_looks_like_any_other_trace(project: Project) -> None:
    trace = make_trace(project=project)
    make_decision(trace, decided_at=NOW - dt.timedelta(days=1))
    rating = make_rating(trace)
    client = Client()
    client.force_login(rating.rater)

    assert "What was decided" not in client.get(own_page(rating)).text
    assert "None of your traces" in client.get(reverse("annotation:list_decisions", args=[project.slug])).text
