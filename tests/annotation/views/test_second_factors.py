"""Signing in when somebody guesses, when a second factor is on, and from several browsers."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Account, AuditEvent
from annotation.queries.accounts import make_start_link_parts
from tests.factories import make_account

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("annotation:sign_in")
PASSWORD = "grace's own password"


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def grace() -> Account:
    account = make_account("grace")
    account.set_password(PASSWORD)
    account.save()
    return account


def sign_in(client: Client, password: str = PASSWORD, **fields: str) -> str:
    """Where it leads; "" where the form is shown again."""
    answer = client.post(SIGN_IN, {"username": "grace", "password": password, **fields})
    return answer.headers.get("Location", "")


def code_of(secret: str, step: int = 0) -> str:
    """RFC 6238: what an authenticator app shows, `step` half minutes from now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = int(time.time()) // 30 + step
    digest = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"


def confirm(client: Client) -> None:
    """The password once more, which changing a second factor takes."""
    answer = client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/work/"})
    assert answer.headers["Location"] == "/work/"


def turn_on(client: Client) -> tuple[str, list[str]]:
    """The app's secret and the recovery codes of whoever is signed in by password."""
    confirm(client)
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    found = re.search(r'<code class="secret" dir="ltr">(\w+)</code>', page)
    assert found
    answer = client.post(reverse("mfa_activate_totp"), {"code": code_of(found[1])})
    assert answer.headers["Location"] == reverse("mfa_view_recovery_codes")
    codes = re.findall(r"<li><code>(\w+)</code>", client.get(answer["Location"]).content.decode())
    assert len(codes) == 10
    return found[1], codes


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


class TestLockOut:
    def test_five_failures_close_an_account_to_the_right_password_too(self, grace: Account) -> None:
        client = Client()
        for _ in range(5):
            assert sign_in(client, "wrong") == ""

        answer = client.post(SIGN_IN, {"username": "Grace", "password": PASSWORD})

        assert "Too many attempts failed" in answer.content.decode()
        assert "_auth_user_id" not in client.session

    @pytest.mark.parametrize("host", ["testserver:{}", "TestServer:{}"])
    def test_another_name_for_the_server_is_no_further_attempt(self, grace: Account, host: str) -> None:
        for port in range(1000, 1005):
            sign_in(Client(headers={"host": host.format(port)}), "wrong")

        assert sign_in(Client(headers={"host": host.format(2000)})) == ""

    def test_it_is_that_account_alone(self, grace: Account) -> None:
        other = make_account("ada")
        other.set_password(PASSWORD)
        other.save()
        client = Client()
        for _ in range(5):
            sign_in(client, "wrong")

        assert sign_in(client, username="ada") == "/"

    def test_it_opens_again_after_a_while(self, grace: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(6):
            sign_in(Client(), "wrong")
        later = time.time() + 301
        monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", lambda: later)

        assert sign_in(Client()) == "/"

    def test_who_signs_in_between_is_not_closed_out(self, grace: Account) -> None:
        for _ in range(4):
            sign_in(Client(), "wrong")

        assert [sign_in(Client()) for _ in range(4)] == ["/"] * 4

    def test_an_unknown_name_is_answered_like_a_known_one(self, grace: Account) -> None:
        for name in ("grace", "nobody"):
            answers = [Client().post(SIGN_IN, {"username": name, "password": "wrong"}) for _ in range(6)]
            told = ["No account has this" in answer.content.decode() for answer in answers]
            assert told == [True] * 5 + [False]


class TestAuditLog:
    def test_it_has_who_came_and_went_and_who_failed(self, grace: Account) -> None:
        client = Client()
        sign_in(client, "wrong")
        sign_in(client)
        client.post(reverse("annotation:sign_out"))

        assert verbs() == ["failed to sign in", "signed in", "signed out"]
        assert set(AuditEvent.objects.values_list("subject", flat=True)) == {f"account {grace.pk}"}

    def test_a_name_that_is_nobodys_is_not_kept_for_it_may_be_a_password(self) -> None:
        Client().post(SIGN_IN, {"username": "my secret", "password": "x"})

        assert verbs() == []


class TestSecondFactor:
    def test_after_the_password_the_code_is_asked_for_and_then_one_is_in(self, grace: Account) -> None:
        client = Client()
        sign_in(client)
        secret, _ = turn_on(client)
        again = Client()

        assert sign_in(again, next="/work/").startswith(reverse("mfa_authenticate"))
        assert "_auth_user_id" not in again.session
        wrong = again.post(reverse("mfa_authenticate"), {"code": "000000"})
        right = again.post(reverse("mfa_authenticate"), {"code": code_of(secret, 1)})

        assert "That is not the code of this moment" in wrong.content.decode()
        assert right["Location"] == "/work/"
        assert again.session["_auth_user_id"] == str(grace.pk)

    def test_a_recovery_code_works_once(self, grace: Account) -> None:
        first = Client()
        sign_in(first)
        _, codes = turn_on(first)
        answers = []
        for _ in range(2):
            client = Client()
            sign_in(client)
            answers.append(client.post(reverse("mfa_authenticate"), {"code": codes[0]}).status_code)

        assert answers == [302, 200]

    def test_a_password_from_a_start_link_does_not_go_round_it(self, grace: Account) -> None:
        client = Client()
        sign_in(client)
        turn_on(client)
        choice = {"username": "grace", "password": "a new long one", "password_again": "a new long one"}
        path = reverse(
            "annotation:claim_account", args=make_start_link_parts(Account.objects.get(pk=grace.pk))
        )

        answer = Client().post(path, choice)

        assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))

    def test_a_page_open_already_that_signs_in_by_script_is_told_that_it_takes_another_tab(
        self, grace: Account
    ) -> None:
        client = Client()
        sign_in(client)
        turn_on(client)

        answer = Client().post(
            SIGN_IN, {"username": "grace", "password": PASSWORD}, headers={"X-CSRFToken": "x"}
        )

        assert answer.status_code == 403
        assert "second factor" in answer.content.decode()

    def test_turning_it_off_takes_the_password_again_after_a_while(
        self, grace: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = Client()
        sign_in(client)
        turn_on(client)
        later = time.time() + 3600
        monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)

        answer = client.post(reverse("mfa_deactivate_totp"))

        assert answer.headers["Location"].startswith("/account/confirm/")
        assert Authenticator.objects.filter(user=grace, type=Authenticator.Type.TOTP).exists()

    def test_turned_off_the_password_alone_signs_in_and_the_log_has_both(
        self,
        grace: Account,
        django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
    ) -> None:
        client = Client()
        sign_in(client)
        with django_capture_on_commit_callbacks(execute=True):
            turn_on(client)
        client.post(reverse("mfa_deactivate_totp"))

        assert sign_in(Client()) == "/"
        assert {"turned on a second factor", "turned off a second factor"} <= set(verbs())

    def test_no_secret_lies_readable_in_the_database(self, grace: Account) -> None:
        client = Client()
        sign_in(client)
        secret, codes = turn_on(client)

        kept = str(list(Authenticator.objects.values()))

        assert secret not in kept
        assert not [code for code in codes if code in kept]

    def test_wrong_codes_and_a_wrong_password_again_are_in_the_audit_log(self, grace: Account) -> None:
        first = Client()
        sign_in(first)
        turn_on(first)
        session = first.session
        session["account_authentication_methods"] = []
        session.save()
        first.post(reverse("account_reauthenticate"), {"password": "not it"})
        first.post(reverse("mfa_reauthenticate"), {"code": "000000"})
        client = Client()
        sign_in(client)
        client.post(reverse("mfa_authenticate"), {"code": "000000"})

        assert {
            "failed to confirm with a password",
            "failed to confirm with a code",
            "gave a wrong second factor",
        } <= set(verbs())

    def test_codes_can_not_be_tried_for_ever(self, grace: Account) -> None:
        first = Client()
        sign_in(first)
        secret, _ = turn_on(first)
        client = Client()
        sign_in(client)
        for _ in range(5):
            client.post(reverse("mfa_authenticate"), {"code": "000000"})

        answer = client.post(reverse("mfa_authenticate"), {"code": code_of(secret, 1)})

        assert answer.status_code in (200, 429)
        assert "_auth_user_id" not in client.session


class TestChangingThePassword:
    """A session left open must not be a way to learn the password."""

    def change(self, client: Client, old: str) -> str:
        said = {"old_password": old, "new_password1": "a new calm 7", "new_password2": "a new calm 7"}
        return client.post(reverse("annotation:change_password"), said, follow=True).text

    def test_wrong_passwords_are_recorded_and_after_ten_the_right_one_waits_too(self, grace: Account) -> None:
        client = Client()
        sign_in(client)
        for _ in range(10):
            self.change(client, "wrong")

        said = self.change(client, PASSWORD)

        assert "Too many attempts failed" in said
        assert verbs().count("failed to confirm with a password") == 10
        assert "changed their password" not in verbs()

    def test_what_is_wrong_with_the_new_one_is_no_failed_attempt(self, grace: Account) -> None:
        client = Client()
        sign_in(client)
        for _ in range(12):
            client.post(
                reverse("annotation:change_password"), {"old_password": PASSWORD, "new_password1": "x"}
            )

        assert "Your password is changed" in self.change(client, PASSWORD)


class TestSessions:
    def test_they_are_listed_and_the_others_are_signed_out(self, grace: Account) -> None:
        here, there = Client(headers={"user-agent": "Firefox"}), Client(headers={"user-agent": "Old phone"})
        sign_in(here)
        sign_in(there)
        page = here.get(reverse("usersessions_list")).content.decode()

        here.post(reverse("usersessions_list"))

        assert "Firefox" in page
        assert "Old phone" in page
        assert there.get("/work/").status_code == 302
        assert here.get("/work/").status_code == 200

    def test_one_of_them_is_signed_out_and_the_rest_go_on(self, grace: Account) -> None:
        clients = [Client(headers={"user-agent": name}) for name in ("Firefox", "Tablet", "Old phone")]
        for client in clients:
            sign_in(client)
        here = clients[0]
        phone = UserSession.objects.get(user_agent="Old phone")

        here.post(reverse("end_session", args=[phone.pk]))

        assert [client.get("/work/").status_code for client in clients] == [200, 200, 302]
        assert "Old phone" not in here.get(reverse("usersessions_list")).content.decode()
        assert "ended sessions" in verbs()

    def test_this_very_one_is_signed_out_too(self, grace: Account) -> None:
        here, there = Client(), Client()
        sign_in(there)
        other = UserSession.objects.get()
        sign_in(here)

        answer = here.post(
            reverse("end_session", args=[UserSession.objects.exclude(pk=other.pk).get().pk]), follow=True
        )

        assert answer.redirect_chain == [(reverse("annotation:sign_in"), 302)]
        assert [here.get("/work/").status_code, there.get("/work/").status_code] == [302, 200]

    def test_a_strangers_session_is_not_kept_for_long(self) -> None:
        Client().get("/new-password/a/b/")  # whose refusal is kept there

        [session] = Session.objects.all()
        assert session.expire_date < timezone.now() + dt.timedelta(hours=1, seconds=5)

    def test_nobody_ends_anothers(self, grace: Account) -> None:
        sign_in(Client(headers={"user-agent": "Firefox"}))
        other = Client()
        other.force_login(make_account())

        answer = other.post(reverse("end_session", args=[UserSession.objects.get().pk]))

        assert answer.status_code == 404
        assert UserSession.objects.exists()

    def test_the_one_that_looks_is_told_from_the_others(self, grace: Account) -> None:
        here, there = Client(headers={"user-agent": "Firefox"}), Client(headers={"user-agent": "Old phone"})
        sign_in(here)
        sign_in(there)

        page = here.get(reverse("usersessions_list")).content.decode()

        assert page.count("this one") == 1
        assert re.search(r"Firefox</bdi>\s*<span[^>]*>this one", page)

    def test_a_new_password_leaves_the_one_it_was_chosen_in(self, grace: Account) -> None:
        here, there = Client(headers={"user-agent": "Firefox"}), Client(headers={"user-agent": "Old phone"})
        sign_in(here)
        sign_in(there)
        new = "an entirely new one 7"

        here.post(
            reverse("annotation:change_password"),
            {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
        )
        page = here.get(reverse("usersessions_list")).content.decode()

        assert there.get("/work/").status_code == 302
        assert "Firefox" in page and "this one" in page

    def test_no_key_lies_in_the_list(self, grace: Account) -> None:
        client = Client()
        sign_in(client)

        assert str(client.session.session_key) not in str(list(UserSession.objects.values()))

    def test_nobody_sees_anothers(self, grace: Account) -> None:
        sign_in(Client(headers={"user-agent": "Firefox"}))
        other = Client()
        other.force_login(make_account())

        assert "Firefox" not in other.get(reverse("usersessions_list")).content.decode()


def test_a_request_of_a_signed_in_person_asks_the_database_no_more_than_before(
    grace: Account, django_assert_num_queries: object
) -> None:
    """Session and account, and what the page itself needs: nothing is written about the session."""
    client = Client()
    sign_in(client)
    client.get(reverse("annotation:edit_account"))

    with django_assert_num_queries(2):  # type: ignore[operator]
        client.get(reverse("annotation:edit_account"))


@pytest.mark.parametrize("path", ["/accounts/signup/", "/sign-up/", "/account/email/"])
def test_nobody_signs_up_by_themselves(path: str) -> None:
    assert Client().get(path).status_code == 404
