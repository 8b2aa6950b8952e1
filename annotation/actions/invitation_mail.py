"""Sending invitation links by e-mail."""

from __future__ import annotations

import datetime as dt

from annotation.actions import mail
from annotation.models import Account, Invitation

_NEEDS = {"rater": "rate the reasoning of language models, step by step"}


def send_invitation(*, invitation: Invitation, link: str, actor: Account) -> None:
    """Sends the link to the invitation's address. Raises mail.MailNotSent.

    In the request and not in a job: the link's secret is stored nowhere, and a job would carry it through the broker.
    """
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
    subject = " ".join(f"Invitation to {project.name}".split())
    mail.send(to=invitation.sent_to, subject=subject, text="\n".join(lines))


def _write(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%d %b %Y, %H:%M} UTC"
