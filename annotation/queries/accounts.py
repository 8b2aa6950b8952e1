"""Accounts: who owns the installation, and whose link is this."""

from __future__ import annotations

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import QuerySet
from django.utils.encoding import force_bytes, force_str
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

from annotation.models import Account


class StartTokenGenerator(PasswordResetTokenGenerator):
    """Tokens that let their bearer choose a password once.

    Nothing is stored: a token is a keyed hash over the account's password and last sign-in, so it dies as soon as
    either changes, and after PASSWORD_RESET_TIMEOUT (three days).
    """

    key_salt = "annotation.queries.accounts.StartTokenGenerator"


class ResetTokenGenerator(PasswordResetTokenGenerator):
    """Tokens of the links that go by e-mail to who forgot a password. They die as start links do, and when the
    account's e-mail address changes, but after an hour: a mailbox may be looked through later."""

    key_salt = "annotation.queries.accounts.ResetTokenGenerator"
    seconds = 3600

    def check_token(self, user: Account | None, token: str | None) -> bool:
        if not super().check_token(user, token) or token is None:
            return False
        return self._num_seconds(self._now()) - base36_to_int(token.partition("-")[0]) <= self.seconds


start_tokens = StartTokenGenerator()
reset_tokens = ResetTokenGenerator()


def list_site_admins() -> QuerySet[Account]:
    """Active site admins, the first one made first: that is the owner."""
    return Account.objects.filter(is_superuser=True, is_active=True).order_by("pk")


def has_owner_with_password() -> bool:
    """Whether some site admin can sign in with a password."""
    return (
        list_site_admins()
        .exclude(password="")
        .exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        .exists()
    )


def make_start_link_parts(account: Account) -> tuple[str, str]:
    """(uid, token): the two parts of the path of the account's start link."""
    return urlsafe_base64_encode(force_bytes(account.pk)), start_tokens.make_token(account)


def make_reset_link_parts(account: Account) -> tuple[str, str]:
    """(uid, token): the two parts of the path of a link to choose a new password."""
    return urlsafe_base64_encode(force_bytes(account.pk)), reset_tokens.make_token(account)


def find_account_of_start_link(uid: str, token: str) -> Account | None:
    """The active account whose start link this is; None for a link that is wrong, used or too old."""
    account = _find_account_of(uid)
    return account if account and start_tokens.check_token(account, token) else None


def find_account_of_reset_link(uid: str, token: str) -> Account | None:
    """The active account whose link to a new password this is; None for one that is wrong, used or too old."""
    account = _find_account_of(uid)
    return account if account and reset_tokens.check_token(account, token) else None


def _find_account_of(uid: str) -> Account | None:
    try:
        pk = int(force_str(urlsafe_base64_decode(uid)))
    except ValueError:  # not base64, not UTF-8, not a number
        return None
    if not 0 < pk < 2**63:
        return None
    return Account.objects.filter(pk=pk, is_active=True).first()
