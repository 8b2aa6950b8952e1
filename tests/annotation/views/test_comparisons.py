"""The comparison page over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Account, Choice, Comparison, Project, Role, Trace
from tests.factories import make_account, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db


def make_pair(project: Project | None = None) -> tuple[Trace, Trace]:
    prompt = make_prompt(project)
    return make_trace(prompt, steps=("Same start.\n", "One.")), make_trace(
        prompt, steps=("Same start.\n", "Two.")
    )


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def url_of(project: Project) -> str:
    return reverse("annotation:compare_traces", args=[project.slug])


def choose(left: Trace, right: Trace, choice: str, **fields: Any) -> dict[str, Any]:
    return {"left": left.pk, "right": right.pk, "choice": choice, **fields}


def test_only_raters_compare() -> None:
    left, _ = make_pair()
    url = url_of(left.project)

    assert Client().get(url)["Location"] == f"{reverse('annotation:sign_in')}?next={url}"
    assert client_of(make_account()).get(url).status_code == 404
    for role in (Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR):
        assert client_of(make_member(left.project, role)).get(url).status_code == 403


def test_a_pair_gets_an_address_so_that_reloading_shows_the_same() -> None:
    left, right = make_pair()
    client = client_of(make_member(left.project))

    place = client.get(url_of(left.project))["Location"]

    assert place in {
        f"{url_of(left.project)}?left={a.pk}&right={b.pk}" for a, b in ((left, right), (right, left))
    }
    assert client.get(place).status_code == 200


def test_the_shared_beginning_is_folded_and_the_first_difference_marked() -> None:
    left, right = make_pair()

    html = (
        client_of(make_member(left.project))
        .get(f"{url_of(left.project)}?left={left.pk}&right={right.pk}")
        .content.decode()
    )

    assert "Both begin with the same 1 step<" in html
    assert html.count("Same start.") == 1
    assert html.count("First difference") == 2
    assert html.index("One.") < html.index("Two.")


def test_a_choice_is_stored_with_its_sides_and_goes_on() -> None:
    left, right = make_pair()
    rater = make_member(left.project)

    response = client_of(rater).post(
        url_of(left.project), choose(right, left, "left", note="clearer"), follow=True
    )

    comparison = Comparison.objects.get()
    assert (comparison.choice, comparison.is_swapped, comparison.note) == (Choice.B, True, "clearer")
    assert comparison.rater == rater
    assert b"No pair is left for you" in response.content


def test_htmx_gets_the_next_pair_in_the_same_answer() -> None:
    project = make_project()
    left, right = make_pair(project)
    make_pair(project)

    response = client_of(make_member(project)).post(
        url_of(project), choose(left, right, "tie"), headers={"HX-Request": "true"}
    )

    html = response.content.decode()
    assert response.status_code == 200
    assert html.strip().startswith("<form")
    assert response["HX-Push-Url"].startswith(f"{url_of(project)}?left=")


def test_a_skipped_pair_comes_back_last() -> None:
    project = make_project()
    left, right = make_pair(project)
    make_pair(project)
    client = client_of(make_member(project))

    for _ in range(4):
        place = client.post(url_of(project), choose(left, right, "skip"))["Location"]
        assert f"={left.pk}" not in place
    assert Comparison.objects.count() == 0


@pytest.mark.parametrize("choice", ["", "middle"])
def test_no_choice_is_said_on_the_page_and_stores_nothing(choice: str) -> None:
    left, right = make_pair()

    response = client_of(make_member(left.project)).post(url_of(left.project), choose(left, right, choice))

    assert response.status_code == 422
    assert b"Choose left, right, a tie or both bad." in response.content
    assert Comparison.objects.count() == 0


def test_choosing_otherwise_for_a_compared_pair_is_said_on_the_page() -> None:
    left, right = make_pair()
    client = client_of(make_member(left.project))
    client.post(url_of(left.project), choose(left, right, "left"))

    response = client.post(url_of(left.project), choose(left, right, "right"))

    assert response.status_code == 422
    assert "your first choice stands" in response.content.decode()
    assert Comparison.objects.get().choice == Choice.A


def test_what_is_no_pair_is_not_found() -> None:
    left, _ = make_pair()
    stranger, _ = make_pair()
    client = client_of(make_member(left.project))

    for a, b in ((left, left), (left, stranger)):
        assert client.get(url_of(left.project), {"left": a.pk, "right": b.pk}).status_code == 404
        assert client.post(url_of(left.project), choose(a, b, "tie")).status_code == 404
    for query in ("left=1", "left=x&right=y", f"left={10**30}&right=1"):
        assert client.get(f"{url_of(left.project)}?{query}").status_code == 404
    assert Comparison.objects.count() == 0
