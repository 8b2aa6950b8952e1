"""One world, exported once in each form, for all tests that hold exports against what reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from exports.actions import folder_of
from exports.formats.dataset import FormName
from exports.policy import ExportPolicy
from tests.exports.worlds import make_world, start_export, write_export

FORMS: tuple[FormName, ...] = ("standard", "conversational")


@pytest.fixture(scope="session")
def folders(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """A finished export's folder in each form; of the rows it was made from, nothing stays in the database."""
    exports_dir = tmp_path_factory.mktemp("exports")
    with django_db_blocker.unblock(), override_settings(EXPORTS_DIR=exports_dir), transaction.atomic():
        world = make_world(30)
        policy = ExportPolicy(validation_share=0.15, test_share=0.15)
        found = {}
        for form in FORMS:
            export = write_export(start_export(world, form=form, policy=policy))
            found[form] = folder_of(export)
        transaction.set_rollback(True)
    yield found
