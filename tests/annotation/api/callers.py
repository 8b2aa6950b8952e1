"""Calls to the API as a program makes them: with a token."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.test import Client
from django.utils import timezone

from annotation.actions import tokens
from annotation.models import Account, Project, TokenScope

READ = tuple(scope for scope in TokenScope if scope.endswith(":read"))


def make_caller(
    account: Account, *, scopes: Collection[TokenScope] = tuple(TokenScope), project: Project | None = None
) -> Client:
    """A client that sends a fresh token of this account."""
    secret = make_token(account, scopes=scopes, project=project)
    return Client(headers={"authorization": f"Bearer {secret}"})


def make_token(
    account: Account, *, scopes: Collection[TokenScope] = tuple(TokenScope), project: Project | None = None
) -> str:
    """The secret of a fresh token."""
    now = timezone.now()
    expires_at = now + dt.timedelta(days=1)
    made = tokens.create_token(
        account=account, name="test", scopes=scopes, project=project, expires_at=expires_at, now=now
    )
    return made.secret


def send(caller: Client, path: str, body: Any) -> Any:
    return caller.post(path, body, content_type="application/json")
