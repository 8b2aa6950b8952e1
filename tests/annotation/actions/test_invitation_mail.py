"""Invitations by e-mail: what is sent, to whom, and what a server that refuses means."""

from __future__ import annotations

import smtplib
import traceback
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail

from annotation.actions.invitation_mail import send_invitation
from annotation.actions.mail import MailNotSent
from annotation.models import Invitation, Role
from tests.factories import NOW, make_member, make_project

pytestmark = pytest.mark.django_db
LINK = "https://gradus.example.org/join/secret/"


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.org"


def make_invitation(role: Role = Role.RATER, name: str = "Sums") -> Invitation:
    project = make_project(name=name)
    return Invitation.objects.create(
        project=project,
        role=role,
        secret_hash="x",
        sent_to="ann@example.org",
        created_by=make_member(project, Role.ADMIN, display_name="Olga"),
        created_at=NOW,
        expires_at=NOW,
    )


def send(invitation: Invitation) -> None:
    send_invitation(invitation=invitation, link=LINK, actor=invitation.created_by)


@pytest.mark.parametrize(
    ("role", "purpose"), [(Role.RATER, "rate the reasoning"), (Role.ENGINEER, "work on it as engineer")]
)
def test_the_message_says_who_invites_to_what_and_until_when(role: Role, purpose: str) -> None:
    send(make_invitation(role))

    [message] = mail.outbox
    assert message.to == ["ann@example.org"]
    assert message.subject == "Invitation to Sums"
    for words in ("Olga invites you", "“Sums”", purpose, LINK, "01 Mar 2026, 12:00 UTC"):
        assert words in message.body


def test_a_project_named_over_two_lines_can_not_add_a_header() -> None:
    send(make_invitation(name="Sums\r\nBcc: everybody@example.org"))

    [message] = mail.outbox
    assert message.subject == "Invitation to Sums Bcc: everybody@example.org"
    assert message.recipients() == ["ann@example.org"]


@pytest.mark.parametrize(
    "error", [smtplib.SMTPServerDisconnected("gone"), ConnectionRefusedError(), TimeoutError()]
)
def test_a_server_that_does_not_take_it_is_one_error(error: Exception) -> None:
    with (
        patch("annotation.actions.mail.send_mail", side_effect=error),
        pytest.raises(MailNotSent, match="did not take it"),
    ):
        send(make_invitation())


def test_a_log_learns_why_and_not_whom_the_server_refused(caplog: pytest.LogCaptureFixture) -> None:
    refusal = smtplib.SMTPRecipientsRefused({"ann@example.org": (550, b"nobody here")})
    with (
        patch("annotation.actions.mail.send_mail", side_effect=refusal),
        pytest.raises(MailNotSent, match="did not take it") as raised,
    ):
        send(make_invitation())

    assert "SMTPRecipientsRefused" in caplog.text
    assert "ann@example.org" not in caplog.text + "".join(traceback.format_exception(raised.value))


def test_a_message_that_nobody_took_is_not_sent() -> None:
    with (
        patch("annotation.actions.mail.send_mail", return_value=0),
        pytest.raises(MailNotSent),
    ):
        send(make_invitation())
