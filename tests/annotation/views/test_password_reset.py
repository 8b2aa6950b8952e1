"""A new password by e-mail: who gets the link, what it does once, and what nobody learns from asking."""

from __future__ import annotations

import datetime as dt
import re
import traceback
from collections.abc import Iterator
from smtplib import SMTPRecipientsRefused
from typing import Any
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from celery.exceptions import Retry
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from kombu.exceptions import OperationalError

from annotation.actions.mail import MailNotSent
from annotation.models import Account, AuditEvent
from annotation.queries.accounts import ResetTokenGenerator
from annotation.tasks.default import send_reset_link
from tests.factories import make_account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("run_jobs_at_once")]

ASK = reverse("annotation:forgot_password")
SIGN_IN = reverse("annotation:sign_in")
ADDRESS = "grace@example.org"
OLD, NEW = "grace's own password", "an entirely new one 7"
CHOICE = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> Iterator[None]:
    settings.EMAIL_HOST = "mail.example.org"
    cache.clear()
    yield
    cache.clear()


def make_person(username: str = "grace", address: str = ADDRESS, **fields: Any) -> Account:
    """With a password and a confirmed address."""
    account = make_account(username, email=address, **fields)
    account.set_password(OLD)
    account.save()
    EmailAddress.objects.create(user=account, email=address, verified=True, primary=True)
    return account


@pytest.fixture
def grace() -> Account:
    return make_person()


def ask(address: str = ADDRESS, client: Client | None = None, **headers: str) -> str:
    """What the page that follows says."""
    return (client or Client()).post(ASK, {"email": address}, follow=True, headers=headers).text


def ask_for_link(**headers: str) -> str:
    mail.outbox.clear()
    ask(**headers)
    found = re.search(r"http://testserver(/new-password/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


class TestWhereTheLinkLeads:
    """Who asks sends the host name along; a link that began with theirs would bring them the token."""

    def test_it_begins_with_the_first_origin_whatever_the_browser_calls_the_server(
        self, grace: Account, settings: Any
    ) -> None:
        settings.CSRF_TRUSTED_ORIGINS = ["https://*.example.org", "https://gradus.example.org"]

        for host in ("testserver:1337", "localhost:4444"):
            mail.outbox.clear()
            ask(host=host)
            assert "https://gradus.example.org/new-password/" in str(mail.outbox[-1].body)

    def test_where_any_name_is_let_through_and_none_is_its_own_no_link_is_sent(
        self, grace: Account, settings: Any
    ) -> None:
        for hosts in (["*"], [".example.org"]):
            settings.ALLOWED_HOSTS = hosts

            said = ask(host="evil.example.org")

            assert "does not know its own address" in said
            assert mail.outbox == []

    def test_a_local_name_leads_nobody_to_their_own_machine(self, grace: Account, settings: Any) -> None:
        settings.ALLOWED_HOSTS = ["gradus.example.org", "localhost"]
        settings.PUBLIC_HOSTS = ["gradus.example.org"]

        ask(host="localhost:4444")

        assert "http://gradus.example.org/new-password/" in str(mail.outbox[-1].body)


class TestAsking:
    def test_the_link_goes_to_the_confirmed_address_in_plain_text(self, grace: Account) -> None:
        said = ask("Grace@Example.org")

        [message] = mail.outbox
        assert "a link to choose a new password is on its way" in said
        assert (message.to, message.subject) == ([ADDRESS], "Gradus: A new password")
        assert "for the account grace at testserver" in message.body
        assert message.alternatives == []  # type: ignore[attr-defined]
        assert AuditEvent.objects.get().verb == "was sent a link to a new password"

    def test_it_speaks_the_language_of_the_person_and_else_of_the_page(self, grace: Account) -> None:
        ask(**{"accept-language": "ar"})
        Account.objects.update(language="en")
        ask(**{"accept-language": "ar"})

        arabic, english = mail.outbox
        assert "كلمة مرور جديدة" in arabic.body
        assert "Open this link" in english.body

    @pytest.mark.parametrize("state", ["nobody's", "not confirmed", "changed by an admin", "switched off"])
    def test_an_address_that_proves_nothing_gets_no_mail_and_the_same_answer(
        self, grace: Account, state: str
    ) -> None:
        expected = _without_token(ask())
        mail.outbox.clear()
        if state == "not confirmed":
            EmailAddress.objects.update(verified=False)
        elif state == "changed by an admin":
            Account.objects.update(email="other@example.org")
        elif state == "switched off":
            Account.objects.update(is_active=False)

        said = _without_token(ask("no@example.org" if state == "nobody's" else ADDRESS))

        assert said == expected
        assert mail.outbox == []

    def test_who_signs_in_through_their_organisation_alone_gets_no_password_by_mail(
        self, grace: Account
    ) -> None:
        grace.set_unusable_password()
        grace.save()

        ask()

        assert mail.outbox == []

    def test_the_request_itself_does_the_same_for_nobody_as_for_somebody(self, grace: Account) -> None:
        """Mail goes out from a worker; what is left here are the same questions and one message to the broker."""
        done = []
        for address in (ADDRESS, "nobody@example.org"):
            with patch("annotation.jobs.send_once") as sent, CaptureQueriesContext(connection) as queries:
                Client().post(ASK, {"email": address})
            done.append((len(queries), sent.call_count))

        assert done[0] == done[1]
        assert done[0][1] == 1

    def test_asking_too_often_is_refused_for_one_address_and_for_one_machine(self, grace: Account) -> None:
        said = [ask() for _ in range(4)]
        others = [ask(f"person{number}@example.org") for number in range(20)]

        assert len(mail.outbox) == 3
        assert ["too often" in page for page in said] == [False, False, False, True]
        assert "too often" in others[-1]

    def test_a_broker_that_is_away_is_said_whoever_asks(self, grace: Account) -> None:
        with patch("celery.canvas.Signature.apply_async", side_effect=OperationalError("away")):
            said = [ask(address) for address in (ADDRESS, "nobody@example.org")]

        assert ["No e-mail can be sent at the moment" in page for page in said] == [True, True]

    @pytest.mark.parametrize("address", ["", "grace", "a@b", "x" * 300 + "@example.org", "a\x00@b.org"])
    def test_what_is_no_address_is_said_beside_the_field(self, address: str) -> None:
        said = ask(address)

        assert "field-errors" in said

    def test_where_there_is_no_mail_server_the_page_says_whom_to_ask(
        self, grace: Account, settings: Any
    ) -> None:
        settings.EMAIL_HOST = ""
        page, sign_in = ask(), Client().get(SIGN_IN).text

        assert "Ask whoever runs it for a start link" in page
        assert ASK not in sign_in
        assert "Whoever runs this server can make you a new link" in sign_in
        assert mail.outbox == []

    def test_with_one_the_sign_in_page_leads_there(self) -> None:
        assert ASK in Client().get(SIGN_IN).text

    def test_a_task_that_runs_for_an_account_that_went_does_nothing(self, grace: Account) -> None:
        send_reset_link(grace.pk + 1, "http://testserver", "en")

        assert mail.outbox == []

    def test_a_mail_server_that_refuses_is_asked_again_and_what_was_not_sent_is_not_recorded(
        self, grace: Account
    ) -> None:
        with (
            patch("annotation.actions.mail.send_mail", side_effect=ConnectionRefusedError),
            pytest.raises(Retry, match="30s"),
        ):
            send_reset_link.apply(args=(grace.pk, "http://testserver", "en"))

        assert not AuditEvent.objects.exists()

    def test_no_log_learns_the_address_from_a_mail_server_that_refuses_it(
        self, grace: Account, caplog: pytest.LogCaptureFixture
    ) -> None:
        refusal = SMTPRecipientsRefused({grace.email: (550, b"nobody here")})
        with (
            patch("annotation.actions.mail.send_mail", side_effect=refusal),
            pytest.raises(MailNotSent) as raised,
        ):
            send_reset_link.apply(args=(grace.pk, "http://testserver", "en"), retries=3, throw=True)

        told = "".join(traceback.format_exception(raised.value)) + caplog.text
        assert "SMTPRecipientsRefused" in told
        assert grace.email and grace.email not in told


class TestChoosing:
    def test_the_new_password_signs_in_and_the_old_one_does_not(self, grace: Account) -> None:
        client = Client()

        page = client.get(link := ask_for_link()).text
        answer = client.post(link, CHOICE)

        assert "<code>grace</code>" in page
        assert "Your password is changed" in client.get("/work/").text
        assert answer.headers["Location"] == "/"
        assert client.session["_auth_user_id"] == str(grace.pk)
        grace.refresh_from_db()
        assert grace.check_password(NEW)

    def test_the_link_works_once(self, grace: Account) -> None:
        link = ask_for_link()
        Client().post(link, CHOICE)
        other = {"new_password1": "another one 88", "new_password2": "another one 88"}

        said = Client().post(link, other, follow=True).text

        assert "This link no longer works" in said
        assert "for an account" not in said
        grace.refresh_from_db()
        assert grace.check_password(NEW)

    @pytest.mark.parametrize(
        "change", ["a new password", "a sign-in", "another address", "an hour", "switched off"]
    )
    def test_it_dies_with_what_it_was_made_for(self, grace: Account, change: str) -> None:
        link = ask_for_link()
        later = dt.timedelta(hours=1 if change == "an hour" else 0, seconds=1)
        if change == "a new password":
            grace.set_password("changed meanwhile 3")
            grace.save()
        elif change == "a sign-in":
            Client().post(SIGN_IN, {"username": "grace", "password": OLD})
        elif change == "another address":
            Account.objects.update(email="other@example.org")
        elif change == "switched off":
            Account.objects.update(is_active=False)

        with patch.object(ResetTokenGenerator, "_now", lambda self: dt.datetime.now() + later):
            said = Client().get(link, follow=True).text

        assert "This link no longer works" in said

    @pytest.mark.parametrize("path", ["x/y", "MQ/c0-ab", "%FF/-", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5/a-b"])
    def test_nonsense_is_answered_in_the_same_words(self, path: str) -> None:
        assert "This link no longer works" in Client().get(f"/new-password/{path}/", follow=True).text

    @pytest.mark.parametrize(
        ("first", "second", "words"),
        [
            ("short", "short", "too short"),
            ("password1", "password1", "too common"),
            (NEW, "another", "match"),
        ],
    )
    def test_a_bad_choice_is_explained_and_the_link_stays_good(
        self, grace: Account, first: str, second: str, words: str
    ) -> None:
        link = ask_for_link()

        said = Client().post(link, {"new_password1": first, "new_password2": second}).text

        assert words in said
        assert Client().post(link, CHOICE).status_code == 302

    def test_every_other_session_ends(self, grace: Account) -> None:
        there = Client()
        there.post(SIGN_IN, {"username": "grace", "password": OLD})
        assert there.get("/work/").status_code == 200

        here = Client()
        here.post(ask_for_link(), CHOICE)

        assert there.get("/work/").status_code == 302
        assert here.get("/work/").status_code == 200
        assert grace.usersession_set.count() == 1

    def test_the_second_factor_is_still_asked_for(self, grace: Account) -> None:
        TOTP.activate(grace, "JBSWY3DPEHPK3PXP")
        client = Client()

        answer = client.post(ask_for_link(), CHOICE)

        assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))
        assert "_auth_user_id" not in client.session

    @pytest.mark.parametrize("has_factor", [False, True])
    def test_who_is_still_signed_in_here_goes_on_as_anybody_else(
        self, grace: Account, *, has_factor: bool
    ) -> None:
        """They forgot it all the same. Their session ends with the others, and another begins."""
        here = Client()
        here.post(SIGN_IN, {"username": "grace", "password": OLD})
        if has_factor:
            TOTP.activate(grace, "JBSWY3DPEHPK3PXP")

        answer = here.post(ask_for_link(), CHOICE, follow=True)

        assert answer.status_code == 200
        assert ("_auth_user_id" in here.session) is not has_factor

    def test_it_is_in_the_audit_log_and_the_address_is_not(self, grace: Account) -> None:
        Client().post(ask_for_link(), CHOICE)

        verbs = set(AuditEvent.objects.values_list("verb", flat=True))
        assert {"was sent a link to a new password", "chose a new password by e-mail", "signed in"} <= verbs
        assert "example.org" not in str(list(AuditEvent.objects.values()))


def _without_token(page: str) -> str:
    return re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"[^"]*"', "", page)
