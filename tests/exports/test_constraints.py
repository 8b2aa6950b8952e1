"""What must always hold of exports' own tables is held by the database, whoever writes to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from annotation.models import ApiToken
from exports.models import Export, HubPush, Webhook, WebhookAttempt, WebhookDelivery
from tests.exports.worlds import make_world, start_export
from tests.factories import NOW, make_account

pytestmark = pytest.mark.django_db


def refuses(name: str) -> pytest.RaisesExc[IntegrityError]:
    return pytest.raises(IntegrityError, match=name)


def make_webhook(export: Export, **fields: Any) -> Webhook:
    defaults = {"url": "https://ci.example.org/hook", "salt": "5a17", "created_at": NOW}
    return Webhook.objects.create(
        project=export.project, created_by=export.created_by, **{**defaults, **fields}
    )


def make_delivery(webhook: Webhook, export: Export, **fields: Any) -> WebhookDelivery:
    defaults = {"event": "export.finished", "body": "{}", "created_at": NOW, "next_attempt_at": NOW}
    return WebhookDelivery.objects.create(webhook=webhook, export=export, **{**defaults, **fields})


def test_an_address_is_told_once_and_may_come_back_once_it_was_removed() -> None:
    export = start_export(make_world(1))
    first = make_webhook(export)

    with refuses("webhook_once_per_address"), transaction.atomic():
        make_webhook(export)

    Webhook.objects.filter(pk=first.pk).update(removed_at=NOW)
    assert make_webhook(export).pk != first.pk


def test_an_event_of_an_export_is_delivered_to_a_webhook_once() -> None:
    export = start_export(make_world(1))
    webhook = make_webhook(export)
    make_delivery(webhook, export)

    with refuses("webhook_delivery_once_per_event"), transaction.atomic():
        make_delivery(webhook, export)
    assert make_delivery(webhook, export, event="export.failed").state == "waiting"


def test_attempts_are_numbered_and_states_known() -> None:
    export = start_export(make_world(1))
    delivery = make_delivery(make_webhook(export), export)
    WebhookAttempt.objects.create(delivery=delivery, number=1, attempted_at=NOW, seconds=0.1, status=500)

    with refuses("webhook_attempt_once_per_number"), transaction.atomic():
        WebhookAttempt.objects.create(delivery=delivery, number=1, attempted_at=NOW, seconds=0.1)
    with refuses("webhook_delivery_state_is_known"), transaction.atomic():
        WebhookDelivery.objects.update(state="lost")


def test_a_push_that_ended_has_a_time() -> None:
    export = start_export(make_world(1))
    push = HubPush.objects.create(
        export=export, created_by=export.created_by, repository="a/b", queued_at=NOW, touched_at=NOW
    )

    with refuses("hubpush_finished_has_a_time"), transaction.atomic():
        HubPush.objects.filter(pk=push.pk).update(state="finished")


@pytest.mark.parametrize("scopes", [[], ["exports:fly"], ["exports:read", "x"]])
def test_a_token_has_scopes_and_only_known_ones(scopes: list[str]) -> None:
    with refuses("api_token_scopes_are_known"), transaction.atomic():
        ApiToken.objects.create(
            account=make_account(),
            name="t",
            prefix="gradus_abcde",
            secret_hash="0" * 64,
            scopes=scopes,
            created_at=NOW,
            expires_at=NOW,
        )
