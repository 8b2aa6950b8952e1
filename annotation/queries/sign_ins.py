"""Whose request it is: Django's own sessions and accounts in the database, by queries that are compiled once.

Every request asks both, so what Django takes to write their SQL would be a good part of a rating's cost.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, cast

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet
from django.utils import timezone

from annotation.models import Account
from annotation.queries.compiled import CompiledQuery

STRANGERS_KEPT = dt.timedelta(hours=1)
"""How long the session of nobody lives: long enough to sign in, and no store that strangers can fill for weeks."""
_ACCOUNT = CompiledQuery(lambda pk: Account.objects.filter(pk=pk), int)
_SESSION = CompiledQuery(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), str, dt.datetime
)


class AccountBackend(ModelBackend):
    """Named in settings.AUTHENTICATION_BACKENDS."""

    def get_user(self, user_id: int) -> Account | None:
        account = _ACCOUNT.find(user_id)
        return account if account is not None and self.user_can_authenticate(account) else None


def shorten_key(key: str) -> str:
    """What the database keeps of a session's key, so that a copy of it signs nobody in: 160 bits of the key's SHA-256,
    which is what its column holds and about what a key has."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]


class SessionStore(DatabaseSessionStore):
    """Named, by its module, in settings.SESSION_ENGINE. The key itself is in the person's cookie and nowhere else."""

    def exists(self, session_key: str) -> bool:
        return super().exists(shorten_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        made = cast(Session, super().create_model_instance(data))
        made.session_key = shorten_key(made.session_key)
        if SESSION_KEY not in data:
            made.expire_date = min(made.expire_date, timezone.now() + STRANGERS_KEPT)
        return made

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(shorten_key(key))

    def _get_session_from_db(self) -> Session | None:
        key = str(self.session_key)
        # A cookie may hold anything, also what PostgreSQL can't be asked for.
        session = _find_session(shorten_key(key)) if key.isascii() and key.isalnum() else None
        if session is None:
            self._session_key = None
        return session


def list_open_sessions(account: Account, *, now: dt.datetime) -> QuerySet[UserSession]:
    """Where the person is signed in, the latest first."""
    running = Session.objects.filter(expire_date__gt=now).values("session_key")
    own: QuerySet[UserSession] = UserSession.objects.filter(user=account, session_key__in=running)
    return own.order_by("-created_at", "-pk")


def _find_session(key: str) -> Session | None:
    """A request's first query, which also tells whether the kept connection still answers. Django would ask by a query
    of its own (CONN_HEALTH_CHECKS) and, as here, connect anew where the database was started again meanwhile."""
    kept: Any = connection
    if kept.connection is None or kept.in_atomic_block or kept.health_check_done:
        return _SESSION.find(key, timezone.now())
    kept.health_check_done = True
    try:
        return _SESSION.find(key, timezone.now())
    except (OperationalError, InterfaceError):
        connection.close()
        return _SESSION.find(key, timezone.now())
