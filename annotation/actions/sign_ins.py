"""Signing in and out, and second factors: what the audit log keeps of them."""

from __future__ import annotations

import datetime as dt

from annotation.actions.audit import record_event
from annotation.models import Account


def record_sign_in(*, account: Account, now: dt.datetime) -> None:
    record_event(actor=account, verb="signed in", subject=account, now=now)


def record_sign_out(*, account: Account, now: dt.datetime) -> None:
    record_event(actor=account, verb="signed out", subject=account, now=now)


def record_failure(*, username: str, now: dt.datetime) -> None:
    """Somebody gave a wrong password for an account. A name that is nobody's is not kept: it may be a password."""
    account = Account.objects.filter(username__iexact=username).first()
    if account is not None:
        record_event(actor=None, verb="failed to sign in", subject=account, now=now)


def record_factor(*, account: Account, verb: str, now: dt.datetime) -> None:
    """A second factor of the account was turned on or off, or its recovery codes were made anew."""
    record_event(actor=account, verb=verb, subject=account, now=now)


def record_removal(*, account: Account, actor: Account, now: dt.datetime) -> None:
    """A site admin took somebody's second factor away."""
    record_event(actor=actor, verb="removed a second factor", subject=account, now=now)
