"""Prepared statements: the same rows as without, on any connection."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.transaction import TransactionManagementError

from annotation.models import Account
from annotation.queries.statements import Statement
from tests.factories import NOW, make_account

pytestmark = pytest.mark.django_db

BY_NAME = Statement("SELECT %(a)s::int + %(b)s::int, %(a)s::int")
SET_NAME = Statement("SELECT set_config('gradus.name', %s, true)")
ASK_NAME = Statement("SELECT current_setting('gradus.name')")
BY_PLACE = Statement("SELECT %s::int - %s::int")


def count_prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'gradus%'")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("prepares", [True, False])
def test_values_go_in_by_name_or_by_place(settings: Any, prepares: bool) -> None:
    settings.PREPARES_STATEMENTS = prepares

    assert BY_NAME.fetch(a=1, b=2) == [(3, 1)]
    assert BY_PLACE.fetch(5, 2) == [(3,)]


@pytest.mark.parametrize("prepares", [True, False])
def test_several_go_in_one_round_trip_and_the_last_one_answers(settings: Any, prepares: bool) -> None:
    settings.PREPARES_STATEMENTS = prepares
    first = [SET_NAME.with_values("one"), SET_NAME.with_values("two")]

    assert ASK_NAME.fetch(after=first) == [("two",)]
    assert BY_NAME.fetch(a=1, b=2, after=[BY_PLACE.with_values(5, 2)]) == [(3, 1)]


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_lock_sees_what_was_committed_meanwhile() -> None:
    account = make_account()
    lock = Statement("SELECT 1 FROM annotation_account WHERE id = %s FOR UPDATE")
    look = Statement("SELECT language FROM annotation_account WHERE id = %s")
    is_locked, found = threading.Event(), list[Any]()

    def ask() -> None:
        try:
            is_locked.wait(30)
            with transaction.atomic():
                found.extend(look.fetch(account.pk, after=[lock.with_values(account.pk)]))
        finally:
            connection.close()

    other = threading.Thread(target=ask)
    other.start()
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(language="ar")
        is_locked.set()
        wait_until_someone_waits()
    other.join(30)

    assert found == [("ar",)]


def test_a_time_comes_back_with_its_zone() -> None:
    assert Statement("SELECT %s::timestamptz").fetch(NOW) == [(NOW,)]


def test_whoever_counts_queries_counts_a_round_trip_as_one(django_assert_num_queries: Any) -> None:
    ASK_NAME.fetch(after=[SET_NAME.with_values("one")])

    with django_assert_num_queries(1):
        ASK_NAME.fetch(after=[SET_NAME.with_values("one")])


def test_an_error_is_django_s_and_ends_the_transaction() -> None:
    with pytest.raises(DataError), transaction.atomic():
        Statement("SELECT 1 / %s::int").fetch(0)

    with pytest.raises(DataError), transaction.atomic():
        BY_PLACE.fetch(1, 1, after=[Statement("SELECT 2 / %s::int").with_values(0)])


def test_nothing_is_asked_in_a_transaction_that_failed() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            BY_PLACE.fetch(5, 2)


def wait_until_someone_waits() -> None:
    """Until another connection waits for a lock that this one holds."""
    with connection.cursor() as cursor:
        for _ in range(3_000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            row = cursor.fetchone()
            if row is not None and row[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("Nobody waited.")


def test_a_statement_is_prepared_once() -> None:
    statement = Statement("SELECT 7")
    before = count_prepared()

    assert [statement.fetch() for _ in range(3)] == [[(7,)]] * 3

    assert count_prepared() == before + 1


def test_nothing_is_prepared_where_that_is_off(settings: Any) -> None:
    settings.PREPARES_STATEMENTS = False
    statement = Statement("SELECT 7")
    before = count_prepared()

    assert statement.fetch() == [(7,)]

    assert count_prepared() == before


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_is_prepared_anew() -> None:
    statement = Statement("SELECT 7")
    statement.fetch()
    connection.close()

    assert statement.fetch() == [(7,)]
