"""A form whose person was signed out meanwhile: signing in leads back to the page it stood on."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Role
from tests.factories import make_account, make_member, make_project

pytestmark = pytest.mark.django_db

PAGE = "/p/chess/people/?r-state=paused"
INVITE = "/p/chess/people/invitations/"


def sign_in_and_back(page: str) -> str:
    return f"{reverse('annotation:sign_in')}?{urlencode({'next': page}, safe='/')}"


def test_a_form_leads_through_the_sign_in_back_to_its_page(client: Client) -> None:
    answer = client.post(INVITE, headers={"Referer": f"http://testserver{PAGE}"})

    assert answer.status_code == 302
    assert answer["Location"] == sign_in_and_back(PAGE)


def test_htmx_opens_the_sign_in_as_a_page_of_its_own(client: Client) -> None:
    said = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{PAGE}"}

    for answer in (client.post(INVITE, headers=said), client.get("/p/chess/people/", headers=said)):
        assert answer.status_code == 200
        assert answer["HX-Redirect"] == sign_in_and_back(PAGE)
        assert "password" not in answer.text


def test_the_rating_page_s_script_is_redirected_and_signs_in_on_the_spot(client: Client) -> None:
    """It sends what htmx sends but for the page's address (static/js/rating_network.js)."""
    said = {"HX-Request": "true", "Referer": "http://testserver/rate/7/"}

    answer = client.post("/rate/7/", headers=said)

    assert answer.status_code == 302
    assert answer["Location"] == sign_in_and_back("/rate/7/")


@pytest.mark.parametrize("referer", ["", "http://elsewhere.example/p/chess/", "javascript:alert(1)"])
def test_a_page_that_is_not_ours_is_no_way_back(client: Client, referer: str) -> None:
    answer = client.post(INVITE, headers={"Referer": referer})

    assert answer["Location"] == sign_in_and_back("/")


def test_a_page_asked_for_leads_back_to_itself(client: Client) -> None:
    answer = client.get(PAGE, headers={"Referer": "http://testserver/work/"})

    assert answer["Location"] == sign_in_and_back(PAGE)


def test_after_signing_in_the_page_of_the_form_opens(client: Client) -> None:
    admin = make_member(make_project(slug="chess"), Role.ADMIN)
    admin.set_password("an admin's own password")
    admin.save()
    refused = client.post(INVITE, headers={"Referer": f"http://testserver{PAGE}"})

    typed = {"username": admin.username, "password": "an admin's own password"}
    answer = client.post(refused["Location"], typed, follow=True)

    assert answer.status_code == 200
    assert "Invitations" in answer.text


def test_signing_out_leads_to_the_sign_in_alone(client: Client) -> None:
    client.force_login(make_account())

    answer = client.post(reverse("annotation:sign_out"), headers={"Referer": f"http://testserver{PAGE}"})

    assert answer["Location"] == reverse("annotation:sign_in")


def test_the_address_of_a_form_says_that_it_is_no_page(client: Client) -> None:
    client.force_login(make_account())

    answer = client.get("/p/chess/practice/test/")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "A form is sent to this address." in answer.text
