"""A project as a file: one JSON object a line, in an order that restores without looking ahead.

Rows keep their ids where every row of their table that is there already has a lower one (an empty installation, or one
that holds the demo only), so that exports come out byte for byte the same; else they get new ones, in the same order.
People are matched by user name, and made without a password where there is none of that name. Merge runs and exports
are not in it, since both are made again from what is; open drafts and leases are not either. The last line counts those
before it: a file that broke off while it was copied is refused.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from annotation.actions.audit import record_event
from annotation.actions.backup_tables import TABLES, Table
from annotation.models import (
    Account,
    GenerationBatch,
    JobState,
    Project,
)

FORMAT = 1
_END = "end"
_ROWS_AT_ONCE = 1000


class BadBackup(Exception):
    """The file can't be restored; the message says which line and why. Nothing of it was stored."""


def write_backup(*, project: Project, made_by: Mapping[str, str]) -> Iterator[str]:
    """The lines of a project's backup, each with its newline. `made_by` says how the data came about.

    The lines are the same for the same rows: ordered by id, keys sorted.
    """
    num_lines = 0
    for record in _list_records(project, made_by):
        num_lines += 1
        yield _line(record)
    yield _line({"table": _END, "lines": num_lines})


def _list_records(project: Project, made_by: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    fields = [field for field in Project._meta.concrete_fields if not field.primary_key]
    head = {"table": "project", "format": FORMAT, "has_end": True, "id": project.pk, "made_by": dict(made_by)}
    with _at_one_moment():
        yield {**head, **_values(project, fields)}
        for table in TABLES:
            table_fields = table.fields
            for row in table.list_rows(project).order_by("pk").iterator(chunk_size=_ROWS_AT_ONCE):
                yield {"table": table.name, "id": row.pk, **_values(row, table_fields)}


@contextmanager
def _at_one_moment() -> Iterator[None]:
    """Every table as it stood when the first was read: a rating given meanwhile rests on rows written by then."""
    if connection.in_atomic_block:  # whoever began the transaction chose what it sees
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def restore_backup(*, lines: Iterable[str], actor: Account | None, now: dt.datetime) -> Project:
    """Makes the project of a backup, all or nothing. Raises BadBackup."""
    with transaction.atomic():
        return _Restore().run(lines, actor=actor, now=now)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, cls=_Encoder, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


class _Encoder(DjangoJSONEncoder):
    """Times keep their microseconds, which Django's own encoder cuts off."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, dt.datetime) else super().default(o)


def _values(row: models.Model, fields: Sequence[models.Field[Any, Any]]) -> dict[str, Any]:
    return {field.name: getattr(row, field.attname) for field in fields}


def _told_fields(
    fields: Sequence[models.Field[Any, Any]], record: Mapping[str, Any]
) -> list[models.Field[Any, Any]]:
    """The fields to read from a record. What an older version did not write takes its default, where it has one."""
    return [
        field
        for field in fields
        if field.name in record or not (field.has_default() or field.blank or field.null)
    ]


class _Restore:
    """The state of one restore: which id of the file became which row."""

    def __init__(self) -> None:
        self.tables = {table.name: table for table in TABLES}
        self.ids: dict[type[models.Model], dict[int, int]] = {table.model: {} for table in TABLES}
        self.ids[Project] = {}
        self.project: Project | None = None
        self.number = 0  # of the line last read
        self.waiting: list[tuple[int, models.Model]] = []
        self.keeps_ids: dict[type[models.Model], bool] = {}
        self.wants_end = False  # files of older versions have no last line of their own
        self.has_ended = False

    def run(self, lines: Iterable[str], *, actor: Account | None, now: dt.datetime) -> Project:
        try:
            for line in lines:
                self.number += 1
                self._take(json.loads(line))
            self._store_waiting()
        except UnicodeDecodeError as error:
            raise BadBackup(f"Line {self.number + 1} is not UTF-8 text.") from error
        except json.JSONDecodeError as error:
            raise BadBackup(f"Line {self.number}: not JSON ({error.msg}).") from error
        except KeyError as error:
            raise BadBackup(
                f"Line {self.number}: {error} is missing, or stands for no earlier line."
            ) from error
        except IntegrityError as error:
            if "idempotency_key" not in str(error):
                raise BadBackup(
                    f"Line {self.number} or shortly before: {str(error).splitlines()[0]}"
                ) from error
            raise BadBackup(
                f"Line {self.number} or shortly before: what people sent is here already. A project can't be restored "
                "beside the one that its backup was made of; restore it into another installation."
            ) from error
        except (TypeError, ValueError, ValidationError, DatabaseError) as error:
            reason = (
                "; ".join(error.messages)
                if isinstance(error, ValidationError)
                else str(error).splitlines()[0]
            )
            raise BadBackup(f"Line {self.number} or shortly before: {reason}") from error
        if self.project is None:
            raise BadBackup("The file is empty.")
        if self.wants_end and not self.has_ended:
            raise BadBackup(
                f"The file breaks off after line {self.number}: the rest of the backup is missing."
            )
        record_event(
            actor=actor,
            verb="restored a backup",
            subject=self.project,
            now=now,
            project=self.project,
            lines=self.number,
        )
        return self.project

    def _take(self, record: dict[str, Any]) -> None:
        name = record["table"]
        if name == "project":
            self._make_project(record)
            return
        if self.project is None:
            raise BadBackup("Line 1: a backup begins with its project.")
        if self.has_ended:
            raise BadBackup(f"Line {self.number}: the backup ended on the line before.")
        if name == _END:
            self._check_end(record)
            return
        table = self.tables[name]
        if self.waiting and (
            type(self.waiting[0][1]) is not table.model or len(self.waiting) >= _ROWS_AT_ONCE
        ):
            self._store_waiting()
        told = _told_fields(table.fields, record)
        row = table.model(**{field.attname: self._read(field, record[field.name]) for field in told})
        known = self._find_known(table, row)
        if known is not None:
            self.ids[table.model][record["id"]] = known
        else:
            self.waiting.append((record["id"], row))

    def _check_end(self, record: dict[str, Any]) -> None:
        there = self.number - 1
        if record["lines"] != there:
            raise BadBackup(f"Of the {record['lines']} lines of this backup, {there} are there.")
        self.has_ended = True

    def _make_project(self, record: dict[str, Any]) -> None:
        if record["format"] != FORMAT:
            raise BadBackup(f"Line 1: format {record['format']} is not {FORMAT}, the one this version reads.")
        if Project.objects.filter(slug=record["slug"]).exists():
            raise BadBackup(f"There is a project “{record['slug']}” already.")
        self.wants_end = bool(record.get("has_end"))
        fields = [field for field in Project._meta.concrete_fields if not field.primary_key]
        told = _told_fields(fields, record)
        self.project = Project(**{field.name: field.to_python(record[field.name]) for field in told})
        self.waiting.append((record.get("id", 0), self.project))  # files of older versions do not say
        self._store_waiting()

    def _read(self, field: models.Field[Any, Any], value: Any) -> Any:
        """A value of the file as the row's: references point to the rows that stand for the file's."""
        if not isinstance(field, models.ForeignKey):
            return field.to_python(value)
        if value is None:
            return None
        target = field.related_model
        if target is Project:
            assert self.project is not None
            return self.project.pk
        return self.ids[target][value]

    def _find_known(self, table: Table, row: models.Model) -> int | None:
        if not table.natural_key:
            return None
        key = {name: getattr(row, name) for name in table.natural_key}
        found = table.model._default_manager.filter(**key).values_list("pk", flat=True).first()
        return int(found) if found is not None else None

    def _store_waiting(self) -> None:
        if not self.waiting:
            return
        model = type(self.waiting[0][1])
        rows = [row for _, row in self.waiting]
        for row in rows:
            if isinstance(row, Account):
                row.set_unusable_password()
            if isinstance(row, GenerationBatch) and row.is_open:
                row.state, row.finished_at = JobState.CANCELLED, row.touched_at
        if self._keep_ids(model):
            for file_id, row in self.waiting:
                row.pk = file_id
            _raise_sequence(model, max(file_id for file_id, _ in self.waiting))
        model._default_manager.bulk_create(rows)
        for (file_id, _), row in zip(self.waiting, rows, strict=True):
            self.ids[model][file_id] = row.pk
        self.waiting.clear()

    def _keep_ids(self, model: type[models.Model]) -> bool:
        """Whether the file's ids, which rise from line to line, lie beyond all that are taken; decided once a table."""
        if model not in self.keeps_ids:
            highest = model._default_manager.aggregate(highest=models.Max("pk"))["highest"] or 0
            self.keeps_ids[model] = self.waiting[0][0] > highest
        return self.keeps_ids[model]


def _raise_sequence(model: type[models.Model], highest: int) -> None:
    """Lets the next id that the database gives be above `highest`."""
    table, column = model._meta.db_table, model._meta.pk.column
    sql = """
        SELECT setval(found, GREATEST(%s, pg_sequence_last_value(found)))
        FROM (SELECT pg_get_serial_sequence(%s, %s)::regclass AS found) AS sequences
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [highest, table, column])
