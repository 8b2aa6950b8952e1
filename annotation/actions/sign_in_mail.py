"""E-mails about signing in, in the person's language."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext

from annotation.actions import mail
from annotation.models import Account


def send_link_to_confirm(*, account: Account, address: str, link: str) -> None:
    """To an address that the person says is theirs. Raises mail.MailNotSent."""
    lines = [
        gettext("Somebody gave this e-mail address for the account %(name)s at %(site)s."),
        gettext("If that was you, open this link within a day, signed in as that account:"),
        link,
        gettext("If you don’t know what this is about, do nothing."),
    ]
    _send(address, gettext("Is this your e-mail address?"), lines, account, link)


def send_link_to_reset(*, account: Account, language: str, link: str) -> None:
    """To the account's confirmed address, in its own language, or in that of whoever asked. Raises mail.MailNotSent."""
    with translation.override(account.language or language):
        lines = [
            gettext("Somebody asked for a new password for the account %(name)s at %(site)s."),
            gettext("Open this link to choose one. It works once, and for one hour:"),
            link,
            gettext("If that was not you, do nothing: your password stays as it is."),
        ]
        _send(account.email, gettext("A new password"), lines, account, link)


def _send(address: str, subject: str, lines: list[str], account: Account, link: str) -> None:
    lines[0] %= {"name": account.username, "site": link.split("/")[2]}
    mail.send(to=address, subject=f"Gradus: {subject}", text="\n\n".join(lines) + "\n")
