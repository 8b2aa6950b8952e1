"""The engine that tests run on."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from config.engine.testing import claim_slot


def test_two_test_runs_at_once_get_two_folders(tmp_path: Path) -> None:
    first, second = claim_slot(tmp_path), claim_slot(tmp_path)

    assert {first.name, second.name} == {"slot-0", "slot-1"}


@pytest.mark.django_db
def test_the_test_database_is_a_real_postgresql_with_one_locale_everywhere() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        version = cursor.fetchone()[0]
        cursor.execute("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()")
        locale = cursor.fetchone()

    assert version >= 180000
    assert locale == ("b", "C.UTF-8")


@pytest.mark.django_db
def test_the_application_is_no_superuser_of_its_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")

        assert cursor.fetchone() == (False,)
