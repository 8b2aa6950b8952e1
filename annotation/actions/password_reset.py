"""A new password by e-mail, for who forgot theirs. Who asks hears the same whether or not there is such an account."""

from __future__ import annotations

import datetime as dt

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext

from annotation import jobs
from annotation.actions import audit, sign_in_mail, sign_ins
from annotation.actions.accounts import LinkNotValid
from annotation.actions.mail import MailNotSent
from annotation.models import Account
from annotation.queries.accounts import make_reset_link_parts, reset_tokens
from annotation.queries.email_addresses import find_account_with_address

_NOBODY = 0


def ask_for_reset(*, address: str, site: str, language: str) -> None:
    """Has a worker send a link to the account with this confirmed address, if there is one; `site` begins the link.

    A task is queued for nobody too: neither the answer nor its time tells whose address it is. Raises MailNotSent where
    no task can be queued.
    """
    account = find_account_with_address(address)
    if not jobs.send_once("annotation.send_reset_link", account.pk if account else _NOBODY, site, language):
        raise MailNotSent(gettext("No e-mail can be sent at the moment. Try again in a few minutes."))


def send_reset_link(*, account_id: int, site: str, language: str, now: dt.datetime) -> None:
    """Sends the link, and records that it was. Nothing to do for nobody, and for an account that is no longer one.
    Raises MailNotSent."""
    account = Account.objects.filter(pk=account_id, is_active=True).first()
    if account is None or find_account_with_address(account.email) != account:
        return
    path = reverse("annotation:reset_password", args=make_reset_link_parts(account))
    sign_in_mail.send_link_to_reset(account=account, language=language, link=f"{site}{path}")
    audit.record_event(actor=None, verb="was sent a link to a new password", subject=account, now=now)


def reset_password(*, account: Account, token: str, password: str, now: dt.datetime) -> Account:
    """Stores the password, which has passed the validators; the link is used up and every session ends.

    Raises LinkNotValid (also for the second of two people who send the same link at once), with nothing stored.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=account.pk)
        if not (locked.is_active and reset_tokens.check_token(locked, token)):
            raise LinkNotValid(gettext("This link was used already, or it is too old."))
        locked.set_password(password)
        locked.save(update_fields=["password"])
        audit.record_event(actor=locked, verb="chose a new password by e-mail", subject=locked, now=now)
        sign_ins.end_sessions(account=locked, sessions=UserSession.objects.all(), now=now)
    return locked
