"""Prepared statements: the same rows as without, on any connection."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from annotation.queries.statements import Statement

pytestmark = pytest.mark.django_db

BY_NAME = Statement("SELECT %(a)s::int + %(b)s::int, %(a)s::int")
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
