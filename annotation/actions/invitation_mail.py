"""Sending invitation links by e-mail, with whatever back end Django is set up with."""

from __future__ import annotations

import datetime as dt
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail

from annotation.models import Account, Invitation

_NEEDS = {"rater": "rate the reasoning of language models, step by step"}


class MailNotSent(Exception):
    """There is no mail server, or it did not take the message; the link works all the same."""


def send_invitation(*, invitation: Invitation, link: str, actor: Account) -> None:
    """Sends the link to the invitation's address. Raises MailNotSent.

    In the request and not in a job: the link's secret is stored nowhere, and a job would carry it through the broker.
    """
    if not settings.EMAIL_HOST:
        raise MailNotSent("No mail server is set up.")
    project = invitation.project
    purpose = _NEEDS.get(invitation.role, f"work on it as {invitation.get_role_display().lower()}")
    lines = [
        f"{actor} invites you to the project “{project.name}”, to {purpose}.",
        "",
        "Open this link to join. It works once, until " + _write(invitation.expires_at) + ":",
        link,
        "",
        "If you don’t know what this is about, do nothing.",
    ]
    try:
        num_sent = send_mail(
            subject=" ".join(f"Invitation to {project.name}".split()),
            message="\n".join(lines),
            from_email=None,
            recipient_list=[invitation.sent_to],
        )
    except (SMTPException, OSError) as error:
        raise MailNotSent(f"The mail server did not take it ({type(error).__name__}).") from None
    if not num_sent:
        raise MailNotSent("The mail server did not take it.")


def _write(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%d %b %Y, %H:%M} UTC"
