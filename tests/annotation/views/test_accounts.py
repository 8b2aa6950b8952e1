"""Signing in, signing out, and the first start, as a browser does them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions.accounts import ensure_owner
from annotation.models import Account
from annotation.queries.accounts import make_start_link_parts
from tests.factories import NOW, make_account

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("annotation:sign_in")
HOME = reverse("annotation:list_projects")
CHOICE = {
    "username": "ada",
    "display_name": "Ada L.",
    "password": "a long enough one",
    "password_again": "a long enough one",
}


def make_account_with_password(**fields: object) -> Account:
    account = make_account("grace", **fields)
    account.set_password("grace's own password")
    account.save()
    return account


def start_path(account: Account) -> str:
    return reverse("annotation:claim_account", args=make_start_link_parts(account))


def test_a_page_asks_nobody_in_particular_to_sign_in_first(client: Client) -> None:
    assert client.get(HOME).url == f"{SIGN_IN}?next=/"  # type: ignore[attr-defined]


def test_the_right_password_signs_in_and_leads_on(client: Client) -> None:
    make_account_with_password()

    answer = client.post(
        SIGN_IN, {"username": "grace", "password": "grace's own password", "next": "/p/sums/"}
    )

    assert (answer.status_code, answer["Location"]) == (302, "/p/sums/")


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_off_the_site(client: Client, address: str) -> None:
    make_account_with_password()

    answer = client.post(SIGN_IN, {"username": "grace", "password": "grace's own password", "next": address})

    assert answer["Location"] == HOME


@pytest.mark.parametrize(
    ("username", "password"), [("grace", "wrong"), ("nobody", "grace's own password"), ("Gra\x00ce", "x")]
)
def test_a_failed_sign_in_shows_the_form_again_and_signs_nobody_in(
    client: Client, username: str, password: str
) -> None:
    make_account_with_password()

    answer = client.post(SIGN_IN, {"username": username, "password": password})

    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_switched_off_account_gets_the_same_answer_as_a_wrong_password(client: Client) -> None:
    make_account_with_password(is_active=False)

    answer = client.post(SIGN_IN, {"username": "grace", "password": "grace's own password"})

    assert "No account has this user name and password" in answer.content.decode()


def test_whoever_is_signed_in_is_sent_on_from_the_sign_in_page(client: Client) -> None:
    client.force_login(make_account())

    assert client.get(SIGN_IN)["Location"] == HOME


def test_signing_out_takes_a_post(client: Client) -> None:
    client.force_login(make_account())

    assert client.get(reverse("annotation:sign_out")).status_code == 405
    assert "_auth_user_id" in client.session
    assert client.post(reverse("annotation:sign_out"))["Location"] == SIGN_IN
    assert "_auth_user_id" not in client.session


def test_the_owner_chooses_a_sign_in_and_lands_signed_in_on_the_projects(client: Client) -> None:
    owner = ensure_owner(now=NOW)

    answer = client.post(start_path(owner), CHOICE)

    assert answer["Location"] == HOME
    assert client.session["_auth_user_id"] == str(owner.pk)
    assert Client().login(username="ada", password="a long enough one")


def test_a_used_start_link_says_in_one_sentence_what_to_do(client: Client) -> None:
    path = start_path(ensure_owner(now=NOW))
    client.post(path, CHOICE)

    again = Client().get(path)

    assert again.status_code == 404
    assert "It was used already" in again.content.decode()


def test_a_used_start_link_takes_no_second_post(client: Client) -> None:
    owner = ensure_owner(now=NOW)
    path = start_path(owner)
    client.post(path, CHOICE)
    stranger = Client()

    answer = stranger.post(
        path, {**CHOICE, "password": "another password", "password_again": "another password"}
    )

    owner.refresh_from_db()
    assert answer.status_code == 404
    assert "_auth_user_id" not in stranger.session
    assert owner.check_password("a long enough one")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password_again": "something else"}, "The two passwords differ."),
        ({"password": "short", "password_again": "short"}, "too short"),
        ({"password": "password1", "password_again": "password1"}, "too common"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"username": "TAKEN"}, "The user name TAKEN is taken."),
    ],
)
def test_a_bad_choice_is_explained_beside_its_field_and_the_link_stays_good(
    client: Client, change: dict[str, str], message: str
) -> None:
    make_account("taken")
    owner = ensure_owner(now=NOW)

    answer = client.post(start_path(owner), {**CHOICE, **change})

    owner.refresh_from_db()
    assert message in answer.content.decode()
    assert not owner.has_usable_password()
    assert client.post(start_path(owner), CHOICE).status_code == 302


def test_a_link_page_is_never_cached_and_shows_no_password_back(client: Client) -> None:
    owner = ensure_owner(now=NOW)

    answer = client.post(start_path(owner), {**CHOICE, "password_again": "differs"})

    assert "no-store" in answer["Cache-Control"]
    assert "a long enough one" not in answer.content.decode()
