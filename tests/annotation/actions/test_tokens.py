"""API tokens: shown once, stored as a hash, good until they expire or are revoked."""

from __future__ import annotations

import datetime as dt

import pytest
from django.apps import apps
from django.db import connection

from annotation.actions import tokens
from annotation.models import Account, ApiToken, AuditEvent, TokenScope
from annotation.queries.tokens import find_working_token
from tests.factories import NOW, make_account

pytestmark = pytest.mark.django_db

LATER = NOW + dt.timedelta(days=30)


def make_token(account: Account | None = None) -> tokens.NewToken:
    return tokens.create_token(
        account=account or make_account(),
        name="laptop",
        scopes=[TokenScope.EXPORTS_READ],
        expires_at=LATER,
        now=NOW,
    )


def read_whole_database() -> str:
    """Every row of every table as text."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
            rows.extend(row for (row,) in cursor.fetchall())
    return "\n".join(rows)


def test_the_secret_is_nowhere_in_the_database() -> None:
    made = make_token()

    everything = read_whole_database()

    assert made.token.secret_hash in everything
    assert made.secret not in everything
    assert made.secret.removeprefix("gradus_") not in everything


def test_a_secret_says_what_it_is_and_has_256_random_bits() -> None:
    first, second = make_token(), make_token()

    assert first.secret.startswith("gradus_")
    assert len(first.secret) == len("gradus_") + 43
    assert first.secret != second.secret


def test_the_secret_finds_its_token_and_nothing_else_does() -> None:
    made = make_token()

    assert find_working_token(made.secret, now=NOW) == made.token
    for wrong in ("", made.token.secret_hash, made.secret[:-1], made.secret + "x", made.secret.upper()):
        assert find_working_token(wrong, now=NOW) is None


def test_a_token_stops_working_the_moment_it_expires() -> None:
    made = make_token()

    assert find_working_token(made.secret, now=LATER - dt.timedelta(seconds=1)) is not None
    assert find_working_token(made.secret, now=LATER) is None


def test_a_revoked_token_stops_working_and_is_logged_once() -> None:
    made = make_token()

    tokens.revoke_token(token=made.token, actor=made.token.account, now=NOW)
    tokens.revoke_token(token=made.token, actor=made.token.account, now=LATER)

    assert find_working_token(made.secret, now=NOW) is None
    assert ApiToken.objects.get().revoked_at == NOW
    assert AuditEvent.objects.filter(verb="revoked an API token").count() == 1


def test_a_switched_off_account_has_no_working_token() -> None:
    made = make_token()
    Account.objects.update(is_active=False)

    assert find_working_token(made.secret, now=NOW) is None


def test_use_is_noted_at_most_once_a_minute() -> None:
    token = make_token().token

    for seconds in (0, 30, 59, 60, 90):
        tokens.note_token_use(token=token, now=NOW + dt.timedelta(seconds=seconds))

    token.refresh_from_db()
    assert token.last_used_at == NOW + dt.timedelta(seconds=60)
