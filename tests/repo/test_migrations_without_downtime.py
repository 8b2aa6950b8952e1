"""While a new version starts, the old one still runs: no migration may take away or demand what the old one lives by.

ADR migrations-without-downtime says what to do instead. The rule holds from the first release on; the migrations until
then made empty tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.models.fields import NOT_PROVIDED

FIRST_HELD = {"annotation": 50, "exports": 10}
REMOVES = (
    operations.RemoveField,
    operations.DeleteModel,
    operations.RenameField,
    operations.RenameModel,
    operations.AlterModelTable,
)


def list_migrations() -> Iterator[Migration]:
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if app in FIRST_HELD and int(name[:4]) >= FIRST_HELD[app]:
            yield migration


def unfold(found: Sequence[Any]) -> Iterator[Any]:
    """Every operation on the database, also those that are told apart from what Django's state is told."""
    for operation in found:
        if isinstance(operation, operations.SeparateDatabaseAndState):
            yield from unfold(operation.database_operations)
        else:
            yield operation


def find_faults(migration: Migration) -> list[str]:
    """What in it the version before could not live with, or what would lock a large table."""
    found = list(unfold(migration.operations))
    made = {operation.name.lower() for operation in found if isinstance(operation, operations.CreateModel)}
    return [
        f"{migration.app_label}.{migration.name}: {fault}"
        for operation in found
        for fault in _look_at(operation, made, is_contraction="_drops_" in migration.name)
    ]


def _look_at(operation: Any, made: set[str], *, is_contraction: bool) -> Iterator[str]:
    what = operation.describe()
    is_new = getattr(operation, "model_name_lower", "") in made
    if isinstance(operation, REMOVES) and not is_contraction:
        yield f"{what}: the running version still uses it; a later one, named “…_drops_…”, may remove it"
    if isinstance(operation, operations.AddField) and not is_new:
        field = operation.field
        if not field.null and field.db_default is NOT_PROVIDED and not field.many_to_many:
            yield f"{what}: the running version inserts without it; give it null=True or db_default"
    if (
        isinstance(operation, operations.AlterField)
        and not operation.field.null
        and not operation.preserve_default
    ):
        yield f"{what}: rows of the running version may lack it"
    if (
        isinstance(operation, operations.AddIndex)
        and not is_new
        and not isinstance(operation, AddIndexConcurrently)
    ):
        yield f"{what}: locks the table; use AddIndexConcurrently"
    if (
        isinstance(operation, operations.AddConstraint)
        and not is_new
        and not isinstance(operation, AddConstraintNotValid)
    ):
        yield f"{what}: reads every row under a lock; use AddConstraintNotValid, and ValidateConstraint later"
    if isinstance(operation, operations.RunSQL | operations.RunPython) and not operation.reversible:
        yield f"{what}: can't be taken back"


def test_no_migration_stops_the_version_that_runs() -> None:
    assert [fault for migration in list_migrations() for fault in find_faults(migration)] == []


def test_every_migration_can_be_taken_back() -> None:
    loader = MigrationLoader(None)

    stuck = [
        f"{app}.{name}: {operation.describe()}"
        for (app, name), migration in loader.disk_migrations.items()
        if app in FIRST_HELD
        for operation in migration.operations
        if not operation.reversible
    ]

    assert stuck == []


@pytest.mark.parametrize("app", sorted(FIRST_HELD))
def test_each_app_has_one_last_migration(app: str) -> None:
    assert len(MigrationLoader(None).graph.leaf_nodes(app)) == 1


def make(*found: Any, name: str = "0099_x") -> Migration:
    migration = Migration(name, "annotation")
    migration.operations = list(found)
    return migration


CHECK = models.CheckConstraint(condition=models.Q(x__gte=0), name="x")
SAFE: Sequence[Migration] = (
    make(operations.AddField("trace", "x", models.TextField(null=True))),
    make(operations.AddField("trace", "x", models.IntegerField(db_default=0))),
    make(operations.CreateModel("new", [("id", models.AutoField(primary_key=True))]),
         operations.AddField("new", "x", models.TextField()),
         operations.AddIndex("new", models.Index(fields=["x"], name="x"))),
    make(AddIndexConcurrently("trace", models.Index(fields=["x"], name="x"))),
    make(RemoveIndexConcurrently("trace", "x")),
    make(operations.RemoveField("trace", "x"), name="0099_drops_x"),
    make(AddConstraintNotValid("trace", CHECK)),
    make(ValidateConstraint("trace", "x")),
    make(operations.CreateModel("new", [("id", models.AutoField(primary_key=True))]),
         operations.AddConstraint("new", CHECK)),
    make(operations.SeparateDatabaseAndState(state_operations=[operations.RemoveField("trace", "x")])),
    make(operations.RunSQL("SELECT 1", operations.RunSQL.noop)),
)  # fmt: skip
UNSAFE: Sequence[tuple[str, Migration]] = (
    ("still uses it", make(operations.RemoveField("trace", "x"))),
    ("still uses it", make(operations.RenameField("trace", "x", "y"))),
    ("still uses it", make(operations.DeleteModel("trace"))),
    ("still uses it", make(operations.RenameModel("trace", "path"))),
    ("inserts without it", make(operations.AddField("trace", "x", models.TextField(default="")))),
    ("locks the table", make(operations.AddIndex("trace", models.Index(fields=["x"], name="x")))),
    ("AddConstraintNotValid", make(operations.AddConstraint("trace", CHECK))),
    (
        "AddConstraintNotValid",
        make(operations.AddConstraint("trace", models.UniqueConstraint(fields=["x"], name="x"))),
    ),
    ("still uses it", make(operations.SeparateDatabaseAndState([operations.RemoveField("trace", "x")]))),
    (
        "locks the table",
        make(
            operations.SeparateDatabaseAndState(
                [
                    operations.SeparateDatabaseAndState(
                        [operations.AddIndex("trace", models.Index(fields=["x"], name="x"))]
                    )
                ]
            )
        ),
    ),
    ("can't be taken back", make(operations.RunSQL("SELECT 1"))),
    ("can't be taken back", make(operations.RunPython(print))),
)


@pytest.mark.parametrize("migration", SAFE)
def test_what_only_adds_passes(migration: Migration) -> None:
    assert find_faults(migration) == []


@pytest.mark.parametrize(("fault", "migration"), UNSAFE)
def test_what_takes_away_or_demands_is_found(fault: str, migration: Migration) -> None:
    (found,) = find_faults(migration)

    assert fault in found
