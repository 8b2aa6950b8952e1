"""Signing in with an organisation's account, against a provider that speaks OpenID Connect over HTTP."""

from __future__ import annotations

import datetime as dt
import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.actions.invitations import create_invitation
from annotation.actions.privacy import forget_person
from annotation.models import Account, AuditEvent, Membership, Role
from tests.contracts.openid_provider import CLIENT, SECRET, OpenIdProvider, running_provider
from tests.factories import make_account, make_member, make_project

pytestmark = pytest.mark.django_db

START = reverse("openid_connect_login", args=["sso"])
ACCOUNT = reverse("annotation:edit_account")
SIGN_IN = reverse("annotation:sign_in")
PASSWORD = "grace's own password"


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def provider(settings: Any) -> Iterator[OpenIdProvider]:
    person = {
        "sub": "u-17",
        "preferred_username": "grace",
        "name": "Grace Hopper",
        "email": "grace@example.org",
    }
    with running_provider(**person) as provider:
        settings.OIDC_NAME = "Example Corp"
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {
                **settings.SOCIALACCOUNT_PROVIDERS["openid_connect"],
                "APPS": [
                    {
                        "provider_id": "sso",
                        "name": "Example Corp",
                        "client_id": CLIENT,
                        "secret": SECRET,
                        "settings": {"server_url": provider.issuer},
                    }
                ],
            }
        }
        yield provider


def make_grace() -> Account:
    account = make_account("grace")
    account.set_password(PASSWORD)
    account.save()
    return account


def follow(url: str) -> str:
    """Where the provider sends a browser that comes to this address."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        return str(connection.getresponse().headers["Location"])
    finally:
        connection.close()


def go_there_and_back(client: Client, next_url: str = "") -> Any:
    """The answer to the browser's return from the provider."""
    left = client.post(f"{START}?next={next_url}")
    assert left.status_code == 302, left.content
    back = urlsplit(follow(left.headers["Location"]))
    return client.get(f"{back.path}?{back.query}")


def who(client: Client) -> str:
    found = Account.objects.filter(pk=client.session.get("_auth_user_id")).first()
    return found.username if found else ""


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def test_where_no_server_is_named_there_is_no_button_and_no_way_in() -> None:
    client = Client()

    assert "Continue with" not in client.get(SIGN_IN).content.decode()
    assert client.post(START).status_code == 404
    client.force_login(make_account())
    assert "Continue with" not in client.get(ACCOUNT).content.decode()


def test_a_stranger_is_told_to_bring_an_invitation_and_nothing_is_stored(provider: OpenIdProvider) -> None:
    client = Client()
    assert "Continue with Example Corp" in client.get(SIGN_IN).content.decode()

    answer = go_there_and_back(client)

    assert answer.headers["Location"] == SIGN_IN
    assert "There is no account here for you yet." in client.get(SIGN_IN).content.decode()
    assert not Account.objects.exists()
    assert not SocialAccount.objects.exists()


def test_an_account_with_the_same_name_or_address_is_not_taken_over(provider: OpenIdProvider) -> None:
    grace = make_grace()
    Account.objects.filter(pk=grace.pk).update(email="grace@example.org")
    client = Client()

    go_there_and_back(client)

    assert who(client) == ""


def test_an_invitation_lets_a_new_person_in_and_on_to_joining(provider: OpenIdProvider) -> None:
    make_grace()  # so the name is taken
    project = make_project(slug="algebra")
    secret = create_invitation(
        project=project,
        role=Role.RATER,
        note="",
        expires_at=timezone.now() + dt.timedelta(days=7),
        max_uses=1,
        actor=make_member(project, Role.ADMIN),
        now=timezone.now(),
    ).secret
    join, client = reverse("annotation:join_project", args=[secret]), Client()
    assert "Continue with Example Corp" in client.get(join).content.decode()

    answer = go_there_and_back(client, join)

    assert answer.headers["Location"] == join
    new = Account.objects.get(pk=client.session["_auth_user_id"])
    assert new.username.startswith("grace")
    assert new.username != "grace"
    assert (new.display_name, new.email, new.has_usable_password()) == ("Grace Hopper", "", False)
    assert SocialAccount.objects.get(user=new).extra_data == {}
    client.post(join)
    assert Membership.objects.get(account=new).project == project
    assert {"opened an account by single sign-on", "signed in"} <= set(verbs())

    again = Client()
    assert go_there_and_back(again, "/work/").headers["Location"] == "/work/"
    assert who(again) == new.username
    assert not SocialToken.objects.exists()


@pytest.mark.parametrize("path", ["/join/nothing-of-the-kind/", "/work/", "//elsewhere.example/", "/nowhere"])
def test_only_an_open_invitation_lets_a_new_person_in(provider: OpenIdProvider, path: str) -> None:
    client = Client()

    go_there_and_back(client, path)

    assert not Account.objects.exists()


def test_where_the_owner_says_so_everybody_of_the_organisation_gets_an_account(
    provider: OpenIdProvider, settings: Any
) -> None:
    settings.OIDC_OPENS_ACCOUNTS = True
    client = Client()

    answer = go_there_and_back(client)

    assert answer.headers["Location"] == "/"
    assert who(client) == "grace"
    assert not Membership.objects.exists()


class TestConnecting:
    def test_an_account_is_connected_after_its_password_and_disconnected_again(
        self, provider: OpenIdProvider
    ) -> None:
        make_grace()
        client = Client()
        client.post(SIGN_IN, {"username": "grace", "password": PASSWORD})

        asked = client.post(START)
        assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
        left = client.post(asked.headers["Location"], {"password": PASSWORD, "next": START})
        back = urlsplit(follow(left.headers["Location"]))
        answer = client.get(f"{back.path}?{back.query}")

        assert answer.headers["Location"] == ACCOUNT
        assert "You can sign in with it" in client.get(ACCOUNT).content.decode()
        elsewhere = Client()
        go_there_and_back(elsewhere)
        assert who(elsewhere) == "grace"

        client.post(reverse("disconnect_single_sign_on"))
        assert "You sign in with your password" in client.get(ACCOUNT).content.decode()
        assert not SocialAccount.objects.exists()
        assert {"connected single sign-on", "disconnected single sign-on"} <= set(verbs())

    def test_the_only_way_in_is_not_taken_away(self, provider: OpenIdProvider, settings: Any) -> None:
        settings.OIDC_OPENS_ACCOUNTS = True
        client = Client()
        go_there_and_back(client)

        client.post(reverse("disconnect_single_sign_on"))

        assert "you have no password here" in client.get(ACCOUNT).content.decode()
        assert SocialAccount.objects.exists()


def test_a_link_signs_nobody_in_but_leads_to_the_button(provider: OpenIdProvider) -> None:
    client = Client()
    assert client.get(START).headers["Location"] == SIGN_IN

    client.force_login(make_grace())

    assert client.get(START).headers["Location"] == ACCOUNT
    assert f'action="{START}"' in client.get(ACCOUNT).content.decode(), (
        "asking who it is resumes an address without a query"
    )


def test_a_second_factor_that_is_on_here_is_asked_for_as_well(provider: OpenIdProvider) -> None:
    grace = make_grace()
    SocialAccount.objects.create(user=grace, provider="sso", uid="u-17")
    Authenticator.objects.create(user=grace, type=Authenticator.Type.TOTP, data={"secret": "not used here"})
    client = Client()

    answer = go_there_and_back(client)

    assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert who(client) == ""


def test_whoever_cancels_over_there_is_back_at_the_sign_in_page(provider: OpenIdProvider) -> None:
    provider.refuses = True
    client = Client()

    answer = go_there_and_back(client)

    assert answer.status_code == 302
    answer = client.get(answer.headers["Location"])
    assert answer.headers["Location"] == SIGN_IN
    assert "You did not sign in." in client.get(SIGN_IN).content.decode()


def test_a_provider_that_fails_or_an_answer_that_was_not_asked_for_lets_nobody_in(
    provider: OpenIdProvider,
) -> None:
    provider.breaks = True
    client = Client()
    answer = go_there_and_back(client)
    assert answer.headers["Location"] == SIGN_IN
    assert "Example Corp did not confirm who you are." in client.get(SIGN_IN).content.decode()

    provider.breaks = False
    forged = Client()
    callback = reverse("openid_connect_callback", args=["sso"])
    answer = forged.get(f"{callback}?code=stolen&state=made-up")
    assert answer.headers["Location"] == SIGN_IN
    assert who(forged) == ""


@pytest.mark.parametrize("fault", ["away", "other pages", "no address of tokens", "another issuer"])
def test_a_provider_that_is_away_or_says_nonsense_is_one_sentence(
    provider: OpenIdProvider, settings: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, app = Client(), settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    described = provider.describe()
    if fault == "away":
        app["settings"] = {"server_url": "http://127.0.0.1:9"}
    elif fault == "other pages":
        app["settings"] = {"server_url": f"{provider.issuer}/elsewhere"}
    elif fault == "no address of tokens":
        monkeypatch.setattr(OpenIdProvider, "describe", lambda _: {**described, "token_endpoint": None})
    else:
        monkeypatch.setattr(
            OpenIdProvider, "describe", lambda _: {**described, "issuer": "https://other.example"}
        )

    answer = client.post(START)
    if not answer.headers["Location"].startswith("/"):
        back = urlsplit(follow(answer.headers["Location"]))
        answer = client.get(f"{back.path}?{back.query}")

    assert answer.headers["Location"] == SIGN_IN
    assert "did not confirm who you are" in client.get(SIGN_IN).content.decode()
    assert who(client) == ""


def test_forgetting_a_person_forgets_the_connection(provider: OpenIdProvider, settings: Any) -> None:
    settings.OIDC_OPENS_ACCOUNTS = True
    client = Client()
    go_there_and_back(client)

    forget_person(account=Account.objects.get(), actor=None, now=timezone.now() + dt.timedelta(days=1))

    assert not SocialAccount.objects.exists()
