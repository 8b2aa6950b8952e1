"""Handing one e-mail to the mail server that the installation is set up with."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext

logger = logging.getLogger(__name__)


class MailNotSent(Exception):
    """There is no mail server, or it did not take the message; says which."""


def send(*, to: str, subject: str, text: str) -> None:
    """Hands over a plain text. Raises MailNotSent."""
    if not settings.EMAIL_HOST:
        raise MailNotSent(gettext("No mail server is set up."))
    try:
        num_sent = send_mail(subject=subject, message=text, from_email=None, recipient_list=[to])
    except (SMTPException, OSError) as error:
        # What it said names the person's address, which belongs into no log.
        logger.warning("The mail server did not take an e-mail: %s", type(error).__name__)
        raise MailNotSent(gettext("The mail server did not take it. Try again later.")) from None
    if not num_sent:
        raise MailNotSent(gettext("The mail server did not take it. Try again later."))
