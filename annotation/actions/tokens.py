"""API tokens: made, used, revoked. The secret leaves this module once, when the token is made."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from annotation.actions import audit
from annotation.models import Account, ApiToken, Project, TokenScope
from annotation.queries.tokens import hash_secret

_SECRET_PREFIX = "gradus_"  # so that people and secret scanners know one when they see it
_SECRET_BYTES = 32
_USE_IS_NOTED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class NewToken:
    """A stored token, and the secret that nothing will tell again."""

    token: ApiToken
    secret: str


class NoScopes(Exception):
    """A token that may do nothing is of no use."""


def create_token(
    *,
    account: Account,
    name: str,
    scopes: Collection[TokenScope],
    expires_at: dt.datetime,
    now: dt.datetime,
    project: Project | None = None,
) -> NewToken:
    """Makes a token; only the SHA-256 of its secret is stored (32 random bytes need no slow hash).

    It reaches `project` alone where one is named. Raises NoScopes.
    """
    if not scopes:
        raise NoScopes("Choose at least one thing that the token may do.")
    secret = _SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        token = ApiToken.objects.create(
            account=account,
            name=name,
            prefix=secret[:12],
            secret_hash=hash_secret(secret),
            scopes=sorted(set(scopes)),
            project=project,
            created_at=now,
            expires_at=expires_at,
        )
        audit.record_event(
            actor=account,
            verb="made an API token",
            subject=token,
            now=now,
            project=project,
            scopes=token.scopes,
        )
    return NewToken(token, secret)


def revoke_token(*, token: ApiToken, actor: Account, now: dt.datetime) -> None:
    """The token stops working at once; revoking it again changes nothing."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=now):
            audit.record_event(actor=actor, verb="revoked an API token", subject=token, now=now)


def note_token_use(*, token: ApiToken, now: dt.datetime) -> None:
    """Keeps `last_used_at` true to the minute, so that a busy client costs one write a minute."""
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - _USE_IS_NOTED_EVERY)
    ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
