"""Statements that each connection to the database prepares once, and several of them in one round trip.

On the path of every rating PostgreSQL takes longer to plan a statement than to run it, and a round trip costs both
sides more than most statements do. A prepared statement keeps its plan, and PostgreSQL makes a new one when the tables'
statistics change. It is told to keep one plan for all values: left alone it compares that with a plan for these very
values, and may find the comparison reason enough to plan anew each time. So what decides the shape of a statement
belongs in its text and not in its values. Behind a pool that gives a connection to somebody else after each
transaction, GRADUS_PREPARE=0 turns it off (docs/deploy.md).

Some plans are from a time when a table was small, and reading all of it was the cheapest; minutes later, after
thousands of ratings, it is not. So these statements are planned as if tables could not be read as a whole.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection

# Until the transaction ends; where there is none, the statements of one round trip are one.
_PLANNING = "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"

_numbers = itertools.count(1)
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # by the driver's connection: names


class Call(NamedTuple):
    """A statement with its values, to be sent with others."""

    statement: Statement
    values: Sequence[Any]


class Statement:
    """SQL with `%(name)s` or `%s` where values come. A value whose type no column tells needs a cast."""

    def __init__(self, sql: str) -> None:
        found = re.findall(r"%\((\w+)\)s", sql)
        names = list(dict.fromkeys(found))
        places = itertools.count(1)
        numbered = (
            re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql)
            if names
            else re.sub(r"%s", lambda _: f"${next(places)}", sql)
        )
        num_values = len(names) or next(places) - 1
        self._names, self._found, self._sql = names, found, re.sub(r"%\(\w+\)s", "%s", sql)
        self._name = f"gradus_{next(_numbers)}"
        self._prepare = f"PREPARE {self._name} AS {numbered}"
        self._execute = f"EXECUTE {self._name}" + (
            f" ({', '.join(['%s'] * num_values)})" if num_values else ""
        )

    def with_values(self, *values: Any, **named: Any) -> Call:
        """For values by position or by name."""
        if not named:
            return Call(self, values)
        names = self._names if settings.PREPARES_STATEMENTS else self._found
        return Call(self, [named[name] for name in names])

    def fetch(self, *values: Any, after: Sequence[Call] = (), **named: Any) -> list[Any]:
        """All rows. The calls in `after` go before it in the same round trip; each sees what was committed until it
        began, as if it had been sent by itself, and their rows are not read."""
        calls = [*after, self.with_values(*values, **named)]
        with _cursor() as cursor, connection.wrap_database_errors:
            sql = "; ".join([_PLANNING, *(statement._text_here() for statement, _ in calls)])
            cursor.execute(sql, [value for _, given in calls for value in given])
            rows: list[Any] = cursor.fetchall()
        return rows

    def _text_here(self) -> str:
        """What to send on this connection."""
        if not settings.PREPARES_STATEMENTS:
            return self._sql
        self._prepare_here()
        return self._execute

    def _prepare_here(self) -> None:
        driver: Any = connection.connection
        known = _prepared.setdefault(driver, set())
        if self._name not in known:
            with driver.cursor() as cursor:
                cursor.execute(self._prepare)
            known.add(self._name)


def _cursor() -> AbstractContextManager[Any]:
    """The driver's own cursor on a connection that answers: Django's would take twice as long as the driver does.
    Django's where somebody listens to what is asked."""
    kept: Any = connection
    if kept.queries_logged or kept.execute_wrappers:
        return connection.cursor()
    kept.validate_thread_sharing()
    kept.close_if_health_check_failed()
    kept.ensure_connection()
    kept.validate_no_broken_transaction()
    with kept.wrap_database_errors:
        cursor: Any = kept.connection.cursor()
    cursor.tzinfo_factory = kept.tzinfo_factory
    return cursor  # type: ignore[no-any-return]
