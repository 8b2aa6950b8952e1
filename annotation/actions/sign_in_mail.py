"""E-mails about signing in: plain text, in the person's language, by whatever back end Django is set up with."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.utils import translation
from django.utils.translation import gettext

from annotation.actions.invitation_mail import MailNotSent
from annotation.models import Account

logger = logging.getLogger(__name__)


def send_link_to_confirm(*, account: Account, address: str, link: str) -> None:
    """To an address that the person says is theirs. Raises MailNotSent."""
    lines = [
        gettext("Somebody gave this e-mail address for the account %(name)s at %(site)s."),
        gettext("If that was you, open this link within a day, signed in as that account:"),
        link,
        gettext("If you don’t know what this is about, do nothing."),
    ]
    _send(address, gettext("Is this your e-mail address?"), lines, account, link)


def send_link_to_reset(*, account: Account, language: str, link: str) -> None:
    """To the account's confirmed address, in its own language, or in that of whoever asked. Raises MailNotSent."""
    with translation.override(account.language or language):
        lines = [
            gettext("Somebody asked for a new password for the account %(name)s at %(site)s."),
            gettext("Open this link to choose one. It works once, and for one hour:"),
            link,
            gettext("If that was not you, do nothing: your password stays as it is."),
        ]
        _send(account.email, gettext("A new password"), lines, account, link)


def _send(address: str, subject: str, lines: list[str], account: Account, link: str) -> None:
    if not settings.EMAIL_HOST:
        raise MailNotSent(gettext("No mail server is set up."))
    site = link.split("/")[2]
    lines[0] %= {"name": account.username, "site": site}
    try:
        num_sent = send_mail(
            subject=f"Gradus: {subject}",
            message="\n\n".join(lines) + "\n",
            from_email=None,
            recipient_list=[address],
        )
    except (SMTPException, OSError) as error:
        # What it said names the person's address, which belongs into no log.
        logger.warning("The mail server did not take an e-mail: %s", type(error).__name__)
        raise MailNotSent(gettext("The mail server did not take it. Try again later.")) from None
    if not num_sent:
        raise MailNotSent(gettext("The mail server did not take it. Try again later."))
