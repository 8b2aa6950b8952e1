"""Statements that each connection to the database prepares once.

On the path of every rating PostgreSQL takes longer to plan a statement than to run it. A prepared statement keeps its
plan, and PostgreSQL makes a new one when the tables' statistics change. Behind a pool that gives a connection to
somebody else after each transaction, GRADUS_PREPARE=0 turns it off (docs/deploy.md).
"""

from __future__ import annotations

import itertools
import re
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection

_numbers = itertools.count(1)
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # by the driver's connection: names


class Statement:
    """SQL with `%(name)s` or `%s` where values come. A value whose type no column tells needs a cast."""

    def __init__(self, sql: str) -> None:
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
        places = itertools.count(1)
        numbered = (
            re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql)
            if names
            else re.sub(r"%s", lambda _: f"${next(places)}", sql)
        )
        num_values = len(names) or next(places) - 1
        self._names, self._sql = names, sql
        self._name = f"gradus_{next(_numbers)}"
        self._prepare = f"PREPARE {self._name} AS {numbered}"
        self._execute = f"EXECUTE {self._name}" + (
            f" ({', '.join(['%s'] * num_values)})" if num_values else ""
        )

    def fetch(self, *values: Any, **named: Any) -> list[Any]:
        """All rows, for values by position or by name."""
        with connection.cursor() as cursor:
            if settings.PREPARES_STATEMENTS:
                self._prepare_here()
                cursor.execute(self._execute, [named[name] for name in self._names] if named else values)
            else:
                cursor.execute(self._sql, named or values)
            rows: list[Any] = cursor.fetchall()
        return rows

    def _prepare_here(self) -> None:
        driver: Any = connection.connection
        known = _prepared.setdefault(driver, set())
        if self._name not in known:
            with driver.cursor() as cursor:
                cursor.execute(self._prepare)
            known.add(self._name)
