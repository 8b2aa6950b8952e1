"""A new installation's tables, made in one step, are those of one that took every step there was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import paths
from config.engine.testing import running_postgres

pytestmark = pytest.mark.slow

MIGRATE = """
import sys
import django
django.setup()
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

SQUASHED = ("annotation", "0001_squashed_0046")
load = MigrationLoader.load_disk

def load_steps(loader):
    load(loader)
    del loader.disk_migrations[SQUASHED]

if sys.argv[1] == "steps":
    MigrationLoader.load_disk = load_steps
call_command("migrate", verbosity=0)
"""
DESCRIBE = """
import django
django.setup()
from django.db import connection

QUESTIONS = (
    "SELECT table_name, column_name, udt_name, is_nullable, column_default, character_maximum_length, is_identity"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'gradus%'",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "SELECT app_label, model FROM django_content_type",
    "SELECT codename FROM auth_permission",
)
with connection.cursor() as cursor:
    for question in QUESTIONS:
        cursor.execute(question)
        for row in sorted(map(str, cursor.fetchall())):
            print(row)
"""
STATE = """
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

executor = MigrationExecutor(connection)
print(len(executor.migration_plan(executor.loader.graph.leaf_nodes())))
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Path]:
    with running_postgres(tmp_path):
        yield tmp_path


@pytest.fixture
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One that took every step."""
    data = tmp_path_factory.mktemp("older")
    with running_postgres(data):
        run(data, MIGRATE, "steps")
        yield data


def run(data: Path, script: str, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        cwd=paths.BASE_DIR,
        env=environment | {"GRADUS_DATA": str(data), "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not answer.returncode, answer.stderr
    return answer.stdout


def test_the_tables_are_the_same(installation: Path, older: Path) -> None:
    run(installation, MIGRATE, "at once")

    at_once, by_steps = (run(data, DESCRIBE).splitlines() for data in (installation, older))

    assert len(at_once) > 1000
    assert at_once == by_steps


def test_who_took_the_steps_has_nothing_left_to_take(older: Path) -> None:
    run(older, MIGRATE, "at once")

    assert run(older, STATE).strip() == "0"
