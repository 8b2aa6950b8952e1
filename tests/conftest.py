"""What every test gets: loopback only, and a real PostgreSQL and Valkey once it asks for one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_django
import pytest_socket
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from hypothesis import HealthCheck, settings

from annotation.models import AuditEvent
from config import paths
from config.celery import app
from config.engine.testing import running_postgres, running_valkey

# How long an example takes says what else the machine does.
settings.register_profile("gradus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gradus")


def pytest_runtest_setup() -> None:
    """No test talks to anything but this machine."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, the files that take longest start first: at the end they would leave the other cores waiting."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _start_order(item.path.relative_to(config.rootpath / "tests")))


def _start_order(path: Path) -> int:
    """0 for a file of the slowest folder; tests that start the whole product, a browser or a model are slow."""
    slowest = ("journeys", "contracts", "engine", "rl_bridge")
    folder = path.parts[0]
    return slowest.index(folder) if folder in slowest else len(slowest)


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[None]:
    """The embedded PostgreSQL, or whatever DATABASE_URL names."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    with running_postgres(paths.data_dir()):
        yield


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The URL of a running broker: the embedded Valkey, or what CELERY_BROKER_URL names."""
    if url := os.environ.get("CELERY_BROKER_URL"):
        yield url
        return
    with running_valkey(paths.data_dir()):
        yield paths.embedded_broker_url(paths.data_dir())


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, embedded_postgres: None
) -> None:
    """pytest-django asks for this just before it makes the test database: tests without one start nothing."""


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """Ends what is left on the test database before it is dropped: a request that a closed browser gave up may still be
    at work in its thread."""
    yield
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connection.close()


# Django writes these itself after every emptying if they are gone.
_WRITTEN_BY_DJANGO = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> Iterator[None]:
    """After a test with real transactions only the tables with rows are emptied, by DELETE: TRUNCATE of all fifty takes
    four times as long and locks out a request that is still at work. Foreign keys are checked at the commit."""

    def sql_flush(
        operations: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any
    ) -> list[str]:
        names = [operations.quote_name(table) for table in tables if table not in _WRITTEN_BY_DJANGO]
        with connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
            )
            return [line for (name,) in cursor.fetchall() for line in _empty(name)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


def _empty(name: str) -> list[str]:
    """The statements that empty a table. The audit log's triggers refuse it, and stand aside for that."""
    delete = f"DELETE FROM {name};"
    if name.strip('"') != AuditEvent._meta.db_table:
        return [delete]
    return [f"ALTER TABLE {name} DISABLE TRIGGER USER;", delete, f"ALTER TABLE {name} ENABLE TRIGGER USER;"]


@pytest.fixture
def run_jobs_at_once() -> Iterator[None]:
    """Celery tasks run where they are queued, and their exceptions reach the test."""
    names = ("task_always_eager", "task_eager_propagates")
    before = {name: app.conf[name] for name in names}
    app.conf.update(dict.fromkeys(names, True))
    yield
    app.conf.update(before)
