"""Accounts: who owns the installation, and whose link is this."""

from __future__ import annotations

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import QuerySet
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from annotation.models import Account


class StartTokenGenerator(PasswordResetTokenGenerator):
    """Tokens that let their bearer choose a password once.

    Nothing is stored: a token is a keyed hash over the account's password and last sign-in, so it dies as soon as
    either changes, and after PASSWORD_RESET_TIMEOUT (three days).
    """

    key_salt = "annotation.queries.accounts.StartTokenGenerator"


start_tokens = StartTokenGenerator()


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


def find_account_of_start_link(uid: str, token: str) -> Account | None:
    """The active account whose start link this is; None for a link that is wrong, used or too old."""
    try:
        pk = int(force_str(urlsafe_base64_decode(uid)))
    except ValueError:  # not base64, not UTF-8, not a number
        return None
    if not 0 < pk < 2**63:
        return None
    account = Account.objects.filter(pk=pk, is_active=True).first()
    return account if account and start_tokens.check_token(account, token) else None
