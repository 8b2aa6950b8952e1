"""A person's e-mail address: it counts once they opened the link that went there, and belongs to one account."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from annotation.actions import privacy
from annotation.models import Account, AuditEvent
from annotation.queries.email_addresses import find_address
from tests.factories import NOW, make_account

pytestmark = pytest.mark.django_db

EDIT = reverse("annotation:edit_address")
REMOVE = reverse("annotation:remove_address")
ACCOUNT = reverse("annotation:edit_account")
PASSWORD = "a person's own password"
ADDRESS = "grace@example.org"


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> Iterator[None]:
    settings.EMAIL_HOST = "mail.example.org"
    cache.clear()
    yield
    cache.clear()


class Person:
    """Somebody with a password, signed in, who said a moment ago that it is them."""

    def __init__(self, username: str) -> None:
        self.account = make_account(username)
        self.account.set_password(PASSWORD)
        self.account.save()
        self.client = Client()
        self.client.post(reverse("annotation:sign_in"), {"username": username, "password": PASSWORD})
        self.client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/work/"})

    def give(self, address: str = ADDRESS) -> str:
        return self.client.post(EDIT, {"email": address}, follow=True).text

    def confirm(self, link: str) -> str:
        return self.client.post(link, follow=True).text

    @property
    def address(self) -> str:
        return find_address(Account.objects.get(pk=self.account.pk))


def last_link() -> str:
    found = re.search(r"http://testserver(/account/e-mail/confirm/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


@pytest.fixture
def grace() -> Person:
    return Person("grace")


def test_an_address_counts_once_its_link_was_opened_and_answered(grace: Person) -> None:
    said = grace.give("Grace@Example.org")
    before = grace.address
    asked = grace.client.get(last_link()).text
    after_looking = grace.address

    confirmed = grace.confirm(last_link())

    assert "A link went to grace@example.org" in said
    assert "Yes, it is mine" in asked
    assert (before, after_looking, grace.address) == ("", "", ADDRESS)
    assert "Your e-mail address is confirmed." in confirmed
    assert ADDRESS in grace.client.get(ACCOUNT).text
    assert "confirmed an e-mail address" in AuditEvent.objects.values_list("verb", flat=True)
    assert ADDRESS not in str(list(AuditEvent.objects.values()))


def test_somebody_else_who_opens_the_link_confirms_nothing(grace: Person) -> None:
    """Nor does its owner take an account over by it: it is for the account that asked, signed in."""
    grace.give()
    other = Person("olga")

    said = other.confirm(last_link())

    assert "was made for another account" in said
    assert Client().get(last_link()).headers["Location"].startswith("/sign-in/")
    assert (grace.address, other.address) == ("", "")


def test_an_address_is_one_accounts_at_a_time(grace: Person) -> None:
    other = Person("olga")
    grace.give()
    grace.confirm(last_link())

    given = other.give()  # which tells nothing yet
    said = other.confirm(last_link())

    assert "A link went to grace@example.org" in given
    assert "Another account has this e-mail address" in said
    assert (grace.address, other.address) == (ADDRESS, "")


def test_two_who_gave_the_same_address_can_not_both_confirm_it(grace: Person) -> None:
    other = Person("olga")
    grace.give()
    first = last_link()
    other.give()

    said = [grace.confirm(first), other.confirm(last_link())]

    assert ["is confirmed" in page for page in said] == [True, False]


def test_an_address_that_an_admin_typed_over_is_free_again(grace: Person) -> None:
    grace.give()
    grace.confirm(last_link())
    Account.objects.filter(pk=grace.account.pk).update(email="typed@example.org")
    other = Person("olga")
    other.give()

    other.confirm(last_link())

    assert (grace.address, other.address) == ("", ADDRESS)


def test_a_new_address_takes_the_place_of_the_old_one_and_old_links_are_void(grace: Person) -> None:
    grace.give()
    first = last_link()
    grace.give("new@example.org")
    grace.confirm(last_link())

    said = grace.confirm(first)

    assert "This link no longer works" in said
    assert grace.address == "new@example.org"
    assert [row.email for row in EmailAddress.objects.all()] == ["new@example.org"]


@pytest.mark.parametrize("change", ["a day", "a new password", "a letter"])
def test_a_link_dies_after_a_day_and_with_the_password(grace: Person, change: str) -> None:
    grace.give()
    link, later = last_link(), time.time() + (86_401 if change == "a day" else 0)
    if change == "a letter":
        link = link[:-4] + "/"
    if change == "a new password":
        new = {"new_password1": "another one 88", "new_password2": "another one 88"}
        grace.client.post(reverse("annotation:change_password"), {"old_password": PASSWORD, **new})

    with patch("django.core.signing.time.time", lambda: later):
        said = grace.confirm(link)

    assert "This link no longer works" in said
    assert grace.address == ""


@pytest.mark.parametrize("path", [EDIT, REMOVE])
def test_changing_it_takes_the_password_again(grace: Person, path: str) -> None:
    client = Client()
    client.post(reverse("annotation:sign_in"), {"username": "grace", "password": PASSWORD})

    answer = client.post(path, {"email": ADDRESS})

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert mail.outbox == []


def test_after_the_password_what_was_sent_goes_through(grace: Person) -> None:
    client = Client()
    client.post(reverse("annotation:sign_in"), {"username": "grace", "password": PASSWORD})
    client.post(EDIT, {"email": ADDRESS})

    client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": EDIT})

    assert [message.to for message in mail.outbox] == [[ADDRESS]]


def test_removing_it_leaves_none_and_says_so_in_the_log(grace: Person) -> None:
    grace.give()
    grace.confirm(last_link())

    said = grace.client.post(REMOVE, follow=True).text

    assert "Your e-mail address is removed." in said
    assert (grace.address, EmailAddress.objects.count()) == ("", 0)
    assert "removed their e-mail address" in AuditEvent.objects.values_list("verb", flat=True)


def test_a_mail_server_that_refuses_is_said_beside_the_form(grace: Person) -> None:
    with patch("annotation.actions.mail.send_mail", side_effect=ConnectionRefusedError):
        refused = grace.give()
    with patch("annotation.actions.mail.send_mail", return_value=0):
        untaken = grace.give()

    assert "The mail server did not take it" in refused
    assert "The mail server did not take it" in untaken


def test_nobody_sends_mail_without_end(grace: Person) -> None:
    said = [grace.give(f"someone{number}@example.org") for number in range(6)]

    assert len(mail.outbox) == 5
    assert "too often" in said[-1]


@pytest.mark.parametrize(
    "address", ["", "grace", "a@b.org\nbcc: all@example.org", "x" * 300 + "@example.org"]
)
def test_what_is_no_address_is_said_beside_the_field(grace: Person, address: str) -> None:
    assert "field-errors" in grace.give(address)
    assert mail.outbox == []


def test_without_a_mail_server_nobody_is_asked_for_an_address(grace: Person, settings: Any) -> None:
    settings.EMAIL_HOST = ""

    assert EDIT not in grace.client.get(ACCOUNT).text
    assert "No mail server is set up." in grace.give()


def test_forgetting_a_person_forgets_the_address(grace: Person) -> None:
    grace.give()
    grace.confirm(last_link())

    privacy.forget_person(account=grace.account, actor=None, now=NOW)

    assert not EmailAddress.objects.exists()
    assert Account.objects.get(pk=grace.account.pk).email == ""
