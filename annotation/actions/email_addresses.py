"""The e-mail address that a person confirmed as theirs: by it they get a new password, and nobody else does."""

from __future__ import annotations

import datetime as dt

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from annotation.actions.accounts import LinkNotValid
from annotation.actions.audit import record_event
from annotation.models import Account
from annotation.queries.email_addresses import is_address_of_another, read_address


class AddressTaken(Exception):
    """Another account has confirmed this address."""


def confirm_address(*, account: Account, token: str, now: dt.datetime) -> str:
    """Makes the address that the link was sent to the account's only one, and returns it.

    Raises LinkNotValid and AddressTaken, with nothing stored.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=account.pk)
        address = read_address(locked, token)
        if not address:
            raise LinkNotValid(
                gettext(
                    "This link no longer works: it was used, is older than a day, or was made for another account. "
                    "Send yourself a new one."
                )
            )
        _store(locked, address)
        record_event(actor=locked, verb="confirmed an e-mail address", subject=locked, now=now)
    return address


def remove_address(*, account: Account, now: dt.datetime) -> None:
    """The account has no address any more, confirmed or not."""
    with transaction.atomic():
        EmailAddress.objects.filter(user=account).delete()
        account.email = ""
        account.save(update_fields=["email"])
        record_event(actor=account, verb="removed their e-mail address", subject=account, now=now)


def _store(account: Account, address: str) -> None:
    words = gettext("Another account has this e-mail address. Remove it there first, or give another one.")
    if is_address_of_another(address, account):
        raise AddressTaken(words)
    EmailAddress.objects.filter(user=account).delete()
    # Of accounts that an admin gave another address meanwhile: with them it stands for nothing.
    EmailAddress.objects.filter(email=address).exclude(user__email=address).delete()
    try:
        with transaction.atomic():
            EmailAddress.objects.create(user=account, email=address, verified=True, primary=True)
    except IntegrityError as error:  # someone confirmed it in this very moment
        raise AddressTaken(words) from error
    account.email = address
    account.save(update_fields=["email"])
