"""The frame around every page: what one may open, what is refused and how, and whether the product is up."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from annotation.models import Role
from tests.factories import NOW, make_account, make_member, make_project, make_site_admin

pytestmark = pytest.mark.django_db


def sign_in(client: Client, role: Role | None = Role.RATER, **fields: object) -> str:
    """Signs a new member in and returns the project's address."""
    project = make_project(name="Sums", **fields)
    client.force_login(make_member(project, role) if role else make_account())
    return reverse("annotation:show_project", args=[project.slug])


def without_csrf_token(page: str) -> str:
    """The token is masked anew for every answer."""
    return re.sub(r'"X-CSRFToken": "\w+"', "", page)


def test_health_is_asked_without_signing_in(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok")


def test_health_says_when_the_database_does_not_answer(client: Client) -> None:
    with patch("annotation.views.health.connection.cursor", side_effect=OperationalError):
        response = client.get("/healthz")

    assert response.status_code == 503


def test_a_stranger_is_sent_to_sign_in_and_back(client: Client) -> None:
    response = client.get("/p/sums/")

    assert response.status_code == 302
    assert response["Location"] == f"{reverse('annotation:sign_in')}?next=/p/sums/"


def test_a_project_one_is_not_in_looks_like_none(client: Client) -> None:
    client.force_login(make_account())
    hidden, missing = make_project(name="Secret sums"), "no-such-project"

    found = client.get(reverse("annotation:show_project", args=[hidden.slug]))
    not_found = client.get(reverse("annotation:show_project", args=[missing]))

    assert found.status_code == not_found.status_code == 404
    assert without_csrf_token(found.text) == without_csrf_token(not_found.text)
    assert b"Secret" not in found.content


def test_a_paused_rater_is_told_so_and_shown_nothing_else(client: Client) -> None:
    address = sign_in(client)
    make_project()
    from_project = client.get(address)
    assert from_project.status_code == 200

    account = from_project.wsgi_request.user
    account.membership_set.update(paused_at=NOW)

    refusal = client.get(address)
    assert refusal.status_code == 403
    page = refusal.content.decode()
    assert "You are paused in" in page
    assert "<h1>You are paused</h1>" in page
    assert "Not for you" not in page


def test_an_archived_project_is_gone(client: Client) -> None:
    assert client.get(sign_in(client, archived_at=NOW)).status_code == 404


@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [
        (
            Role.RATER,
            {"Overview", "Rate", "Compare"},
            {"Prompts", "Batches", "Traces", "Exports", "People", "Settings"},
        ),
        (
            Role.ADJUDICATOR,
            {"Overview", "Traces", "Review"},
            {"Rate", "Batches", "Exports", "People", "Decisions"},
        ),
        (
            Role.ENGINEER,
            {"Overview", "Batches", "Judges", "Merge", "Exports"},
            {"Rate", "People", "Settings"},
        ),
        (
            Role.ADMIN,
            {"Overview", "Prompts", "Batches", "Exports", "People", "Settings"},
            {"Rate", "Compare"},
        ),
    ],
)
def test_the_menu_holds_what_a_role_may_open(
    client: Client, role: Role, shown: set[str], hidden: set[str]
) -> None:
    response = client.get(sign_in(client, role))

    titles = {link.title for link in response.context["nav_links"]}
    assert shown <= titles
    assert not hidden & titles


def test_every_page_of_the_menu_opens_for_a_site_admin(client: Client) -> None:
    project = make_project()
    client.force_login(make_site_admin())
    page = client.get(reverse("annotation:show_project", args=[project.slug]))

    answers = {link.title: client.get(link.url).status_code for link in page.context["nav_links"]}

    assert len(answers) >= 14
    assert set(answers.values()) <= {200, 302}, answers


def test_the_current_page_is_marked_once(client: Client) -> None:
    response = client.get(sign_in(client))

    assert response.content.count(b'aria-current="page"') == 1


def test_a_refusal_says_whom_the_page_is_for(client: Client) -> None:
    address = sign_in(client, Role.RATER)

    response = client.get(f"{address}people/")

    assert response.status_code == 403
    assert "This page is for admins" in response.text


def test_an_htmx_refusal_is_the_sentence_alone(client: Client) -> None:
    address = sign_in(client, Role.RATER)

    response = client.get(f"{address}people/", headers={"HX-Request": "true"})

    assert response.status_code == 403
    assert "This page is for admins" in response.text
    assert "<html" not in response.text


def test_a_stale_form_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post(reverse("annotation:sign_in"), {"username": "a", "password": "b"})

    assert response.status_code == 403
    assert "reload the page" in response.text


def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(client: Client) -> None:
    policy = client.get(sign_in(client))["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
