"""API tokens: whose they are, and which one a secret belongs to."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db.models import QuerySet

from annotation.models import Account, ApiToken


def hash_secret(secret: str) -> str:
    """What is stored in place of a random secret: its SHA-256, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def list_tokens_of(account: Account) -> QuerySet[ApiToken]:
    """The account's tokens that were not revoked, expired ones included."""
    return ApiToken.objects.select_related("project").filter(account=account, revoked_at__isnull=True)


def find_working_token(secret: str, *, now: dt.datetime) -> ApiToken | None:
    """The token with this secret, if it may be used now: not revoked, not expired, its person's account on."""
    working = ApiToken.objects.filter(revoked_at__isnull=True, expires_at__gt=now, account__is_active=True)
    return working.select_related("account").filter(secret_hash=hash_secret(secret)).first()
