"""A request's first query finds the session, also where the database closed the kept connection meanwhile."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.utils import timezone

from annotation.queries.sign_ins import SessionStore

hashing: Any = import_module("annotation.migrations.0047_session_keys_hashed")


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


@pytest.mark.django_db
def test_no_key_of_a_session_lies_in_the_database_and_what_lies_there_opens_none() -> None:
    session = SessionStore()
    session["colour"] = "green"
    session.save()
    session["colour"] = "blue"
    session.save()
    key = str(session.session_key)
    kept = Session.objects.get().session_key

    assert key not in str(list(Session.objects.values()))
    assert SessionStore(key)["colour"] == "blue"
    assert SessionStore(kept).get("colour") is None
    assert session.exists(key) and not session.exists(kept)

    session.delete()

    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_session_that_gets_another_key_goes_on_under_it_alone() -> None:
    session = SessionStore()
    session["colour"] = "green"
    session.create()
    session["colour"] = "green"
    before = str(session.session_key)

    session.cycle_key()
    session.save()

    assert SessionStore(before).get("colour") is None
    assert SessionStore(session.session_key)["colour"] == "green"
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_sessions_from_before_go_on() -> None:
    key = "abcdefghijklmnopqrstuvwxyz012345"
    later = timezone.now() + dt.timedelta(days=1)
    data = SessionStore().encode({"colour": "green"})
    Session.objects.create(session_key=key, session_data=data, expire_date=later)

    with connection.cursor() as cursor:
        for _ in range(2):  # what is hashed stays as it is
            cursor.execute(hashing.HASH_KEYS.format(table="django_session"))

    assert SessionStore(key)["colour"] == "green"
