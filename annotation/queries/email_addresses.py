"""E-mail addresses that people confirmed as theirs: the only ones by which anybody gets into an account.

`Account.email` alone says nothing: an admin may have typed it. It counts while allauth's table has it as verified,
which the database lets one account have at a time.
"""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.core import signing
from django.utils.crypto import salted_hmac

from annotation.models import Account

_CONFIRMING_SECONDS = 24 * 3600
_SALT = "annotation.queries.email_addresses"


def find_address(account: Account) -> str:
    """The account's confirmed address; "" where it has none."""
    if not account.email:
        return ""
    confirmed = EmailAddress.objects.filter(user=account, email=account.email, verified=True).exists()
    return account.email if confirmed else ""


def find_account_with_address(address: str) -> Account | None:
    """The active account whose confirmed address this is, in lower case. Only one that signs in by password: who comes
    through their organisation is let in, and kept out, by it."""
    account = Account.objects.filter(
        email=address, emailaddress__email=address, emailaddress__verified=True, is_active=True
    ).first()
    return account if account and account.has_usable_password() else None


def is_address_of_another(address: str, account: Account) -> bool:
    others = EmailAddress.objects.filter(email=address, verified=True, user__email=address)
    return bool(others.exclude(user=account).exists())


def sign_address(account: Account, address: str) -> str:
    """What a link carries by which the account says that the address is theirs. It dies with the account's password
    and with another address being confirmed, and after a day."""
    return signing.dumps({"address": address, "of": _fingerprint(account)}, salt=_SALT)


def read_address(account: Account, token: str) -> str:
    """The address that such a link was sent to; "" where it is too old, used, another's, or was never one."""
    try:
        said = signing.loads(token, salt=_SALT, max_age=_CONFIRMING_SECONDS)
    except signing.BadSignature:
        return ""
    return str(said["address"]) if said["of"] == _fingerprint(account) else ""


def _fingerprint(account: Account) -> str:
    return salted_hmac(_SALT, f"{account.pk}:{account.password}:{account.email}").hexdigest()
