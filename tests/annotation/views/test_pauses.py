"""What a paused rater is told, and what their project's admins see."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Account, Assignment, AssignmentState, Membership, Project, Role, SelectedBy
from tests.factories import (
    NOW,
    make_assignment,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(name="Sums", gold_threshold=0.5, gold_window=1, gold_share=1.0)


@pytest.fixture
def rater(project: Project) -> Account:
    return make_member(project)


def submit_wrong_gold(client: Client, project: Project, rater: Account, **headers: str) -> object:
    trace = make_trace(make_prompt(project), wants_ratings=False)
    make_gold(trace, (True, False, False))
    assignment = make_assignment(trace, rater, selected_by=SelectedBy.GOLD)
    sent = {"action": "submit", "idempotency_key": str(uuid4()), **{f"label-{i}": "1" for i in range(3)}}
    return client.post(reverse("annotation:rate_trace", args=[assignment.pk]), sent, headers=headers)


def test_the_rating_is_stored_the_rest_goes_back_and_the_rater_is_led_to_why(
    client: Client, project: Project, rater: Account
) -> None:
    client.force_login(rater)
    ahead = make_assignment(make_trace(make_prompt(project)), rater, is_ahead=True)

    answer = submit_wrong_gold(client, project, rater, **{"HX-Request": "true"})
    page = client.get(answer["HX-Redirect"])  # type: ignore[index]

    assert page.status_code == 403
    text = page.content.decode()
    assert "You are paused in Sums: of the last 1 traces whose steps are known you had 0 right." in text
    assert "an admin of the project can let you go on" in text
    assert rater.ratings.count() == 1
    ahead.refresh_from_db()
    assert ahead.state == AssignmentState.RETURNED


def test_without_a_script_the_rater_is_led_there_too(
    client: Client, project: Project, rater: Account
) -> None:
    client.force_login(rater)

    answer = submit_wrong_gold(client, project, rater)

    assert client.get(answer["Location"]).status_code == 403  # type: ignore[index]


def test_the_list_of_projects_says_where_one_is_paused(
    client: Client, project: Project, rater: Account
) -> None:
    client.force_login(rater)
    Membership.objects.filter(account=rater).update(paused_at=NOW, pause_reason="admin")

    page = client.get(reverse("annotation:list_projects")).content.decode()

    assert "You are paused in Sums." in page
    assert "Ask whoever runs one" not in page


def test_a_paused_rater_with_another_role_keeps_its_pages_and_is_told_on_the_raters(
    client: Client, project: Project, rater: Account
) -> None:
    Membership.objects.create(project=project, account=rater, role=Role.ENGINEER, created_at=NOW)
    Membership.objects.filter(account=rater, role=Role.RATER).update(paused_at=NOW)
    client.force_login(rater)

    assert client.get(reverse("annotation:list_prompts", args=[project.slug])).status_code == 200
    refusal = client.get(reverse("annotation:next_trace", args=[project.slug]))

    assert refusal.status_code == 403
    assert "You are paused in Sums." in refusal.content.decode()


def test_an_outsider_still_learns_nothing(client: Client, project: Project) -> None:
    client.force_login(make_member(make_project()))

    assert client.get(reverse("annotation:next_trace", args=[project.slug])).status_code == 404


def test_admins_see_that_a_rater_is_paused_for_accuracy(
    client: Client, project: Project, rater: Account
) -> None:
    Membership.objects.filter(account=rater).update(paused_at=NOW, pause_reason="gold")
    client.force_login(make_member(project, Role.ADMIN))

    page = client.get(reverse("annotation:list_people", args=[project.slug])).content.decode()

    assert "paused for accuracy on gold" in page


def test_signing_out_gives_back_what_the_rater_holds(
    client: Client, project: Project, rater: Account
) -> None:
    held = make_assignment(make_trace(make_prompt(project)), rater, draft_revision=1)
    client.force_login(rater)

    client.post(reverse("annotation:sign_out"))

    assert Assignment.objects.get(pk=held.pk).state == AssignmentState.RETURNED
