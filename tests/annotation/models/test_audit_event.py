"""The audit log is append-only: the database refuses what the application would never ask."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from annotation.actions.audit import record_event
from annotation.models import AuditEvent
from tests.factories import NOW, make_account, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> AuditEvent:
    record_event(
        actor=make_account(), verb="launched a batch", subject="batch 1", now=NOW, project=make_project()
    )
    return AuditEvent.objects.get()


def _truncate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else what was just made is in the way of it
        cursor.execute("TRUNCATE annotation_auditevent CASCADE")


@pytest.mark.parametrize(
    "change",
    [
        lambda: AuditEvent.objects.update(verb="did nothing"),
        lambda: AuditEvent.objects.all().delete(),
        lambda: AuditEvent.objects.all()._raw_delete("default"),
        _truncate,
    ],
    ids=["update", "delete", "delete without Django's look", "truncate"],
)
def test_an_event_is_neither_changed_nor_removed(event: AuditEvent, change: Callable[[], object]) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()

    assert AuditEvent.objects.get().verb == "launched a batch"


def test_more_can_be_added(event: AuditEvent) -> None:
    record_event(actor=None, verb="cancelled a batch", subject="batch 1", now=NOW)

    assert AuditEvent.objects.count() == 2


def test_a_project_or_person_in_the_log_is_not_deleted_either(event: AuditEvent) -> None:
    assert event.project and event.actor
    for row in (event.project, event.actor):
        with pytest.raises(ProtectedError):
            row.delete()


def test_an_account_stands_in_it_by_its_number_and_not_by_its_name() -> None:
    person = make_account(username="jane", display_name="Jane Doe")

    record_event(actor=None, verb="joined", subject=person, now=NOW)

    assert AuditEvent.objects.get().subject == f"account {person.pk}"
