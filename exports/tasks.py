"""Tasks of the `default` queue that write exports. They need no language model and no torch."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from annotation.actions.jobs import leave_to_others
from exports import actions, hub, webhooks


@shared_task(name="exports.write_export")
def write_export(export_id: int) -> None:
    with leave_to_others():
        actions.write_export(export_id=export_id, clock=timezone.now)


@shared_task(name="exports.deliver_webhook")
def deliver_webhook(delivery_id: int) -> None:
    webhooks.deliver_webhook(delivery_id=delivery_id, clock=timezone.now)


@shared_task(name="exports.deliver_due_webhooks")
def deliver_due_webhooks() -> None:
    webhooks.deliver_due_webhooks(clock=timezone.now)


@shared_task(name="exports.push_to_hub")
def push_to_hub(push_id: int) -> None:
    with leave_to_others():
        hub.run_push(push_id=push_id, clock=timezone.now)
