"""The API tokens page, and one's own account page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Account, ApiToken
from annotation.queries.tokens import hash_secret
from tests.factories import make_account

pytestmark = pytest.mark.django_db

LIST = reverse("annotation:list_tokens")
CONFIRM = reverse("account_reauthenticate")
PASSWORD = "grace's own password"
NEW = reverse("annotation:create_token")
TOKEN = {"name": "laptop", "kind": "download", "valid_days": "30"}


@pytest.fixture
def account(client: Client) -> Account:
    account = make_account("ada")
    client.force_login(account)
    return account


@pytest.mark.parametrize("path", [LIST, NEW, reverse("annotation:revoke_token", args=[1])])
def test_nobody_is_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.post(path, TOKEN)["Location"].startswith(reverse("annotation:sign_in"))
    assert not ApiToken.objects.exists()


def test_a_new_secret_is_shown_once(client: Client, account: Account) -> None:
    answer = client.post(NEW, TOKEN)

    secret = answer.context["new"].secret
    token = ApiToken.objects.get()
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert (token.account, token.scopes, token.secret_hash) == (
        account,
        ["exports:read", "projects:read"],
        hash_secret(secret),
    )
    assert secret.startswith(token.prefix)
    assert secret not in client.get(LIST).content.decode()


@pytest.mark.parametrize("change", [{"name": ""}, {"kind": "maybe"}, {"valid_days": "100000"}])
def test_a_bad_token_is_explained_and_not_stored(
    client: Client, account: Account, change: dict[str, str]
) -> None:
    answer = client.post(NEW, {**TOKEN, **change})

    assert list(answer.context["form"].errors) == list(change)
    assert not ApiToken.objects.exists()


def test_htmx_gets_the_list_and_not_the_page(client: Client, account: Account) -> None:
    answer = client.post(NEW, TOKEN, HTTP_HX_REQUEST="true").content.decode()

    assert answer.strip().startswith('<div class="stack" id="tokens">')
    assert "gradus_" in answer


class TestIsItYou:
    """A session that somebody stole must not become a token that lasts for a year."""

    @pytest.fixture
    def grace(self, client: Client) -> Account:
        account = make_account("grace")
        account.set_password(PASSWORD)
        account.save()
        client.post(reverse("annotation:sign_in"), {"username": "grace", "password": PASSWORD})
        return account

    def test_the_password_is_asked_for_and_then_the_token_is_made_as_it_was_typed(
        self, client: Client, grace: Account
    ) -> None:
        asked = client.post(NEW, TOKEN)
        before = ApiToken.objects.count()
        answer = client.post(CONFIRM, {"password": PASSWORD, "next": NEW})

        assert asked.headers["Location"].startswith(CONFIRM)
        assert before == 0
        assert ApiToken.objects.get().name == TOKEN["name"]
        assert answer.context["new"].secret in answer.text
        assert client.post(NEW, TOKEN).context["new"]

    def test_a_wrong_password_makes_none(self, client: Client, grace: Account) -> None:
        client.post(NEW, TOKEN)
        client.post(CONFIRM, {"password": "guessed", "next": NEW})

        assert client.post(NEW, TOKEN).headers["Location"].startswith(CONFIRM)
        assert not ApiToken.objects.exists()

    def test_who_signs_in_elsewhere_alone_has_nothing_to_be_asked_for(
        self, client: Client, account: Account
    ) -> None:
        assert not account.has_usable_password()
        assert client.post(NEW, TOKEN).context["new"]

    def test_the_form_is_a_plain_one_so_that_the_browser_can_be_led_there(
        self, client: Client, grace: Account
    ) -> None:
        assert f'action="{NEW}"' in client.get(LIST).text
        assert f'hx-post="{NEW}"' not in client.get(LIST).text


def test_people_see_and_revoke_their_own_tokens_only(client: Client, account: Account) -> None:
    client.post(NEW, TOKEN)
    token = ApiToken.objects.get()
    stranger = Client()
    stranger.force_login(make_account())
    path = reverse("annotation:revoke_token", args=[token.pk])

    refused = stranger.post(path).status_code
    seen_by_stranger = token.name in stranger.get(LIST).content.decode()
    client.post(path)

    token.refresh_from_db()
    assert (refused, seen_by_stranger) == (404, False)
    assert token.revoked_at is not None
    assert token.prefix not in client.get(LIST).content.decode()


def test_a_person_changes_the_name_that_others_see(client: Client, account: Account) -> None:
    client.post(reverse("annotation:edit_account"), {"display_name": "Ada L."})

    account.refresh_from_db()
    assert str(account) == "Ada L."


def test_a_new_password_takes_the_old_one_and_ends_other_sessions(client: Client) -> None:
    account = make_account("grace")
    account.set_password("the first password")
    account.save()
    here, elsewhere = Client(), Client()
    for session in (here, elsewhere):
        session.login(username="grace", password="the first password")
    new = {"new_password1": "the second password", "new_password2": "the second password"}

    wrong = here.post(reverse("annotation:change_password"), {"old_password": "no", **new})
    right = here.post(reverse("annotation:change_password"), {"old_password": "the first password", **new})

    assert "old_password" in wrong.context["form"].errors
    assert right.status_code == 302
    assert here.get(LIST).status_code == 200
    assert elsewhere.get(LIST).status_code == 302
