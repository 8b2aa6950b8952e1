"""Accounts: the owner's first one, choosing one's own sign-in, and changing it later."""

from __future__ import annotations

import datetime as dt
import itertools

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from annotation.actions import audit
from annotation.models import Account
from annotation.queries.accounts import list_site_admins, start_tokens
from annotation.rules.key_bindings import Bindings

_OWNER_NAME = "owner"


class LinkNotValid(Exception):
    """The start link was used, is too old, or was never one."""


class UserNameTaken(Exception):
    """Another account has this user name."""


class AccountUnknown(Exception):
    """No active account has this user name."""


class LanguageUnknown(Exception):
    """No page is in this language."""


def ensure_owner(*, now: dt.datetime) -> Account:
    """The installation's first site admin; made, without a password, where there is none yet."""
    owner = list_site_admins().first()
    if owner is not None:
        return owner
    names = itertools.chain([_OWNER_NAME], (f"{_OWNER_NAME}-{number}" for number in itertools.count(2)))
    name = next(name for name in names if not Account.objects.filter(username__iexact=name).exists())
    with transaction.atomic():
        owner = Account.objects.create_superuser(username=name, email="", password=None)
        audit.record_event(actor=None, verb="made the owner's account", subject=owner, now=now)
    return owner


def record_start_link(*, account: Account, now: dt.datetime) -> None:
    """Whoever runs the installation made a link by which its bearer chooses the account's password."""
    audit.record_event(actor=None, verb="made a start link", subject=account, now=now)


def get_account_named(*, username: str) -> Account:
    """The active account with this user name, in any case. Raises AccountUnknown."""
    account = Account.objects.filter(username__iexact=username, is_active=True).first()
    if account is None:
        raise AccountUnknown(f"There is no active account named {username}.")
    return account


def claim_account(
    *, account: Account, token: str, username: str, display_name: str, password: str, now: dt.datetime
) -> Account:
    """Gives the account of a start link its user name, display name and password; the link is used up by that.

    `password` has passed the validators. Raises LinkNotValid (also for the second of two people who send the same
    link at once) and UserNameTaken, with nothing stored.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=account.pk)
        if not start_tokens.check_token(locked, token):
            raise LinkNotValid(gettext("This link was used already, or it is too old."))
        locked.username, locked.display_name = username, display_name
        locked.set_password(password)
        save_with_free_name(locked)
        audit.record_event(actor=locked, verb="chose a password by link", subject=locked, now=now)
    return locked


def rename_account(*, account: Account, display_name: str, now: dt.datetime) -> None:
    """Changes the name that others see. The log says so, and neither name."""
    with transaction.atomic():
        account.display_name = display_name
        account.save(update_fields=["display_name"])
        audit.record_event(actor=account, verb="changed the name others see", subject=account, now=now)


def choose_language(*, account: Account, language: str) -> None:
    """Sets the language of the account's pages, one of the settings' LANGUAGES; empty: whatever the browser asks
    for. Raises LanguageUnknown."""
    if language and language not in dict(settings.LANGUAGES):
        raise LanguageUnknown(f"There are no pages in {language!r:.20}.")
    account.language = language
    account.save(update_fields=["language"])


def change_password(*, account: Account, password: str, now: dt.datetime) -> None:
    """Stores a new password, which has passed the validators. It ends the account's other sessions."""
    with transaction.atomic():
        account.set_password(password)
        account.save(update_fields=["password"])
        audit.record_event(actor=account, verb="changed their password", subject=account, now=now)


def save_with_free_name(account: Account) -> None:
    """Saves an account, new or renamed; raises UserNameTaken where another has the name in any case."""
    if _has_name_twin(account):
        raise UserNameTaken(gettext("The user name %(name)s is taken.") % {"name": account.username})
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:  # someone took it in this very moment
        raise UserNameTaken(
            gettext("The user name %(name)s is taken.") % {"name": account.username}
        ) from error


def _has_name_twin(account: Account) -> bool:
    return Account.objects.filter(username__iexact=account.username).exclude(pk=account.pk).exists()


def bind_keys(*, account: Account, bindings: Bindings) -> None:
    """The person's own keys for the rating page, where they differ from the defaults (rules/key_bindings.py)."""
    Account.objects.filter(pk=account.pk).update(key_bindings=bindings)
