"""In which language a page comes, and choosing it."""

from __future__ import annotations

import json
import re

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client
from django.urls import reverse
from django.utils import translation

from annotation.actions import accounts
from annotation.models import Account
from tests.factories import make_account

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("annotation:sign_in")
ACCOUNT = reverse("annotation:edit_account")
CHOOSE = reverse("annotation:choose_language")


def language_of(client: Client, path: str = SIGN_IN, **headers: str) -> tuple[str, str]:
    """The language and direction that a page says it has."""
    body = client.get(path, headers=headers).content.decode()
    found = re.search(r'<html lang="([\w-]+)" dir="(\w+)">', body)
    assert found is not None
    return found[1], found[2]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("ar-EG,ar;q=0.9,en;q=0.5", "ar"), ("de-CH,de;q=0.9", "en"), ("en,ar;q=0.9", "en"), ("", "en")],
)
def test_nobody_in_particular_gets_what_the_browser_asks_for(
    client: Client, asked: str, expected: str
) -> None:
    assert language_of(client, **{"accept-language": asked})[0] == expected


def test_arabic_pages_run_from_right_to_left(client: Client) -> None:
    assert language_of(client, **{"accept-language": "ar"}) == ("ar", "rtl")
    assert language_of(client, **{"accept-language": "en"}) == ("en", "ltr")


def test_a_choice_before_signing_in_stays_in_the_browser(client: Client) -> None:
    answer = client.post(CHOOSE, {"language": "ar", "next": SIGN_IN})

    assert answer["Location"] == SIGN_IN
    assert language_of(client, **{"accept-language": "en"}) == ("ar", "rtl")


def test_an_account_keeps_its_language_in_every_browser(client: Client) -> None:
    account = make_account()
    client.force_login(account)
    client.post(CHOOSE, {"language": "ar", "next": ACCOUNT})
    elsewhere = Client()
    elsewhere.force_login(account)

    assert language_of(elsewhere, ACCOUNT, **{"accept-language": "en"}) == ("ar", "rtl")
    assert "حُفظت لغتك." in client.get(ACCOUNT).content.decode()


def test_an_account_can_leave_it_to_the_browser_again(client: Client) -> None:
    account = make_account(language="ar")
    client.force_login(account)

    client.post(CHOOSE, {"language": "", "next": ACCOUNT})

    assert language_of(client, ACCOUNT, **{"accept-language": "en"}) == ("en", "ltr")
    assert Account.objects.get().language == ""


def test_a_language_that_there_is_not_changes_nothing(client: Client) -> None:
    account = make_account(language="ar")
    client.force_login(account)

    client.post(CHOOSE, {"language": "tlh", "next": ACCOUNT})

    assert "لا توجد صفحات بهذه اللغة." in client.get(ACCOUNT).content.decode()
    assert Account.objects.get().language == "ar"
    with pytest.raises(accounts.LanguageUnknown):
        accounts.choose_language(account=account, language="tlh")


def test_a_language_that_was_stored_and_went_leaves_pages_readable(client: Client) -> None:
    client.force_login(make_account(language="xx"))

    assert language_of(client, ACCOUNT, **{"accept-language": "en"}) == ("en", "ltr")


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_choosing_never_leads_off_the_site(client: Client, address: str) -> None:
    assert client.post(CHOOSE, {"language": "ar", "next": address})["Location"] == SIGN_IN


def test_choosing_takes_a_form_of_ours(client: Client) -> None:
    assert client.get(CHOOSE).status_code == 405
    assert Client(enforce_csrf_checks=True).post(CHOOSE, {"language": "ar"}).status_code == 403


def test_errors_come_in_the_language_too(client: Client) -> None:
    client.force_login(make_account(language="ar"))

    body = client.get("/p/no-such-project/").content.decode()

    assert "لا يوجد مشروع كهذا، أو لست عضوًا فيه." in body
    assert 'dir="rtl"' in body


def test_a_page_that_is_not_translated_says_that_it_is_english(client: Client) -> None:
    client.force_login(make_account(language="ar"))

    body = client.get(reverse("annotation:list_tokens")).content.decode()

    assert re.search(r'<main [^>]*lang="en" dir="ltr"', body)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_numbers_are_written_as_in_the_mathematics_beside_them(language: str) -> None:
    with translation.override(language):
        assert Template("{{ seconds }}").render(Context({"seconds": 1234.5})) == "1234.5"


def test_a_page_carries_the_words_of_its_scripts_where_they_are_not_english(client: Client) -> None:
    arabic = client.get(SIGN_IN, headers={"accept-language": "ar"}).content.decode()
    english = client.get(SIGN_IN, headers={"accept-language": "en"}).content.decode()

    found = re.search(r'<script id="script-words" type="application/json">(.*?)</script>', arabic)
    assert found is not None
    said = json.loads(found[1])
    assert said["The server can’t be reached. Check the connection and try again."].startswith("تعذّر")
    assert "script-words" not in english


def test_a_script_that_there_is_not_is_told_to_whoever_writes_the_template() -> None:
    with translation.override("ar"), pytest.raises(TemplateSyntaxError):
        Template('{% load words %}{% script_words "js/none.js" %}').render(Context())
