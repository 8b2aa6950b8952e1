"""A dump put in place of what a database holds, all of it or nothing.

What newer code has added since is in no dump and would stand in the way of what is: everything of ours goes first, in
the transaction that brings the dump.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from config.engine.errors import EngineError
from config.engine.postgres_programs import build_command, build_environment, find_reason

# Tables of sign-ins: a backup leaves their rows out, and those of an older backup are dropped.
SIGN_IN_TABLES = ("django_session", "usersessions_usersession")
_FUNCTIONS = "gradus_"


def restore_dump(dump: Path) -> None:
    """Raises EngineError with nothing changed. Closes this process's connection."""
    before = list_drops()
    schema = connection.ops.quote_name(_find_schema())
    after = [f"DELETE FROM {schema}.{table};" for table in SIGN_IN_TABLES]
    connection.close()
    script = build_command(
        "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--file=-"
    )
    script = [part for part in script if not part.startswith("--dbname")] + [str(dump)]
    command = build_command("psql", "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1")
    with tempfile.TemporaryFile() as told:
        with subprocess.Popen(
            command,
            env={**build_environment(), "PGOPTIONS": "-c client_min_messages=warning"},
            stdin=subprocess.PIPE,
            stderr=told,
        ) as psql:
            assert psql.stdin is not None
            fault = _feed(psql.stdin, ["BEGIN;", *before], script, [*after, "COMMIT;"])
        if psql.returncode != 0 or fault:
            raise EngineError(f"The database can't be restored: {fault or _read_reason(told)}.")


def list_drops() -> list[str]:
    """Statements that drop the tables and functions of this code's apps, and of those that ran here before."""
    labels = {app.label for app in apps.get_app_configs()} | {"django"}
    if MigrationRecorder(connection).has_table():
        labels |= set(MigrationRecorder.Migration.objects.values_list("app", flat=True))
    prefixes = [f"{label}_" for label in sorted(labels)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('DROP TABLE IF EXISTS %%I.%%I CASCADE;', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname = current_schema() AND EXISTS"
            " (SELECT FROM unnest(%s::text[]) prefix WHERE starts_with(tablename, prefix))",
            [prefixes],
        )
        tables = [line for (line,) in cursor.fetchall()]
        cursor.execute(
            "SELECT format('DROP FUNCTION IF EXISTS %%s CASCADE;', oid::regprocedure) FROM pg_proc"
            " WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, %s)",
            [_FUNCTIONS],
        )
        return tables + [line for (line,) in cursor.fetchall()]


def _find_schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def _feed(psql: IO[bytes], before: list[str], script: list[str], after: list[str]) -> str:
    """Why the script broke off; "" where it is whole. Without its COMMIT, psql's end undoes everything."""
    with tempfile.TemporaryFile() as told:
        try:
            with psql, subprocess.Popen(script, stdout=subprocess.PIPE, stderr=told) as restore:
                assert restore.stdout is not None
                psql.write("\n".join([*before, ""]).encode())
                shutil.copyfileobj(restore.stdout, psql)
                if restore.wait() != 0:
                    return _read_reason(told)
                psql.write("\n".join([*after, ""]).encode())
        except BrokenPipeError:
            return ""  # psql has stopped at an error, which it tells
    return ""


def _read_reason(told: IO[bytes]) -> str:
    told.seek(0)
    return find_reason(told.read().decode(errors="replace"))
