"""A request's first query finds the session, also where the database closed the kept connection meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from annotation.queries.sign_ins import SessionStore


def begin_request() -> None:
    kept: Any = connection
    kept.health_check_done = False


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_database_closed_is_made_anew() -> None:
    session = SessionStore()
    session["colour"] = "green"
    session.save()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    begin_request()

    assert SessionStore(session.session_key)["colour"] == "green"


@pytest.mark.django_db(transaction=True)
def test_a_session_that_has_ended_is_none(django_assert_num_queries: Any) -> None:
    begin_request()
    unknown = SessionStore("0" * 32)

    with django_assert_num_queries(1):
        assert unknown.get("colour") is None

    assert unknown.session_key is None


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["\x00aaaaaaaa", "' OR 1=1 --", "aaaaaaa\ud800", "é" * 32])
def test_a_cookie_that_is_no_session_s_key_is_nobody_s(key: str) -> None:
    session = SessionStore(key)

    assert session.get("colour") is None
    assert session.session_key is None
