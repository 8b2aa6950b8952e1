"""Calls to the API as a program makes them: with a token."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.test import Client
from django.utils import timezone

from annotation.actions import tokens
from annotation.models import Account


def make_caller(account: Account, *, can_write: bool = True) -> Client:
    """A client that sends a fresh token of this account."""
    now = timezone.now()
    made = tokens.create_token(
        account=account, name="test", can_write=can_write, expires_at=now + dt.timedelta(days=1), now=now
    )
    return Client(headers={"authorization": f"Bearer {made.secret}"})


def send(caller: Client, path: str, body: Any) -> Any:
    return caller.post(path, body, content_type="application/json")
