"""Signing in and out, and second factors: what the audit log keeps of them."""

from __future__ import annotations

import datetime as dt

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from annotation.actions.audit import record_event
from annotation.models import Account
from annotation.queries.sign_ins import shorten_key

_LONGEST_AGENT = UserSession._meta.get_field("user_agent").max_length or 0


def record_sign_in(*, account: Account, now: dt.datetime) -> None:
    record_event(actor=account, verb="signed in", subject=account, now=now)


def record_sign_out(*, account: Account, now: dt.datetime) -> None:
    record_event(actor=account, verb="signed out", subject=account, now=now)


def record_failure(*, username: str, now: dt.datetime) -> None:
    """Somebody gave a wrong password for an account. A name that is nobody's is not kept: it may be a password."""
    account = Account.objects.filter(username__iexact=username).first()
    if account is not None:
        record_event(actor=None, verb="failed to sign in", subject=account, now=now)


def record_wrong_answer(*, account: Account, verb: str, now: dt.datetime) -> None:
    """Somebody who knows the password, or uses the account's session, gave a wrong code or a wrong password."""
    record_event(actor=None, verb=verb, subject=account, now=now)


def note_session(*, account: Account, key: str, ip: str, user_agent: str, now: dt.datetime) -> None:
    """Adds a session that just began to the person's list, and drops those that are over."""
    with transaction.atomic():
        alive = Session.objects.filter(expire_date__gt=now).values("session_key")
        UserSession.objects.filter(user=account).exclude(session_key__in=alive).delete()
        UserSession.objects.update_or_create(
            session_key=shorten_key(key),
            defaults={
                "user": account,
                "ip": ip,
                "user_agent": user_agent[:_LONGEST_AGENT],
                "created_at": now,
            },
        )


def end_sessions(*, account: Account, sessions: QuerySet[UserSession], now: dt.datetime) -> int:
    """Signs the person out where these sessions of theirs run. Returns how many there were."""
    with transaction.atomic():
        own = sessions.filter(user=account)
        keys = list(own.values_list("session_key", flat=True))
        if not keys:
            return 0
        Session.objects.filter(session_key__in=keys).delete()
        UserSession.objects.filter(session_key__in=keys).delete()
        record_event(actor=account, verb="ended sessions", subject=account, now=now, num=len(keys))
    return len(keys)


def record_factor(*, account: Account, verb: str, now: dt.datetime) -> None:
    """A second factor of the account was turned on or off, or its recovery codes were made anew."""
    record_event(actor=account, verb=verb, subject=account, now=now)


def record_removal(*, account: Account, actor: Account, now: dt.datetime) -> None:
    """A site admin took somebody's second factor away."""
    record_event(actor=actor, verb="removed a second factor", subject=account, now=now)
