"""Queries that are compiled once in each process and then run with other values.

Django builds the SQL of a query anew each time, which on the rating path takes ten times as long as the database does.
A `CompiledQuery` is written as any query is and gives the same instances, related ones included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler

from annotation.queries.statements import Call, Statement

M = TypeVar("M", bound=models.Model)

Value = int | str | UUID | dt.datetime
_LONG_AGO = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


def _mark(kind: type, number: int) -> Value:
    """What no row has; it stands in the compiled query for one of its values."""
    marks: dict[type, Value] = {
        int: -(2**62) + number,
        str: f"\N{REPLACEMENT CHARACTER}{number}",
        UUID: UUID(int=number),
        dt.datetime: _LONG_AGO + dt.timedelta(days=1, hours=number),
    }
    return marks[kind]


class CompiledQuery(Generic[M]):
    """A query of values of these kinds (int, str, UUID or datetime), made by `build` when it is first run.

    `build` is called with marks in the values' places, hence must not look at them. What is locked by the query has
    to be run in a transaction, as usual.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]], *kinds: type) -> None:
        self._build = build
        self._marks = [_mark(kind, number) for number, kind in enumerate(kinds)]
        self._compiled: _Compiled[M] | None = None

    def list(self, *values: Value, after: Sequence[Call] = ()) -> list[M]:
        """All rows that the query finds for these values, in the order that it asks for itself; none for a number that
        no column could hold. The calls in `after` go before it in the same round trip."""
        if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
            return []
        if self._compiled is None:
            self._compiled = _Compiled(self._build(*self._marks), self._marks)
        return list(self._compiled.run(values, after))

    def find(self, *values: Value, after: Sequence[Call] = ()) -> M | None:
        """The first of them, or None."""
        return next(iter(self.list(*values, after=after)), None)


class _Compiled(Generic[M]):
    """What Django's ModelIterable works out for each run, kept."""

    def __init__(self, queryset: models.QuerySet[M], marks: Sequence[Value]) -> None:
        if not queryset.query.order_by:
            # The model's own order could have PostgreSQL read the table along it, to the one row that is wanted.
            queryset = queryset.order_by()
        compiler: SQLCompiler = queryset.query.get_compiler(connection=connection)
        sql, self._params = compiler.as_sql()
        self._statement = Statement(sql)
        self._slots = [(place, marks.index(p)) for place, p in enumerate(self._params) if p in marks]
        if {slot for _, slot in self._slots} != set(range(len(marks))):
            raise ValueError("A value of this query does not reach the database as it is.")
        info: Any = compiler.klass_info
        columns: Any = compiler.select
        self._model: type[M] = info["model"]
        self._own = info["select_fields"]
        self._attnames = [columns[place][0].target.attname for place in self._own]
        self._populators = get_related_populators(info, columns, connection.alias)  # type: ignore[call-arg]
        self._annotations: dict[str, int] = dict(compiler.annotation_col_map or {})
        self._converters = compiler.get_converters([column[0] for column in columns])
        self._compiler = compiler

    def run(self, values: Sequence[Value], after: Sequence[Call]) -> Iterator[M]:
        params: list[Any] = list(self._params)
        for place, slot in self._slots:
            params[place] = values[slot]
        rows: Any = self._statement.fetch(*params, after=after)
        if self._converters:
            rows = self._compiler.apply_converters(rows, self._converters)
        first, last = self._own[0], self._own[-1] + 1
        for row in rows:
            instance = self._model.from_db(connection.alias, self._attnames, row[first:last])
            for populator in self._populators:
                populator.populate(row, instance)
            for name, place in self._annotations.items():
                setattr(instance, name, row[place])
            yield instance
