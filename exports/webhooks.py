"""Webhooks: made and removed by a project's admins and engineers, told of exports that end, retried with back-off."""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac

from annotation import jobs as background
from annotation.actions.audit import record_event
from annotation.models import Account, JobState, Project
from exports.addresses import AddressRefused, find_target
from exports.models import Export, Webhook, WebhookAttempt, WebhookDelivery
from exports.queries import list_exports
from exports.webhook_models import DeliveryState
from exports.webhook_sending import Outcome, post

Clock = Callable[[], dt.datetime]
TASK_NAME = "exports.deliver_webhook"
MOST_WEBHOOKS = 10
BACK_OFF = tuple(dt.timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600, 6 * 3600))
"""How long after a failed attempt the next one comes; after the last, the delivery is given up."""
_LEASE = dt.timedelta(
    seconds=60
)  # an attempt takes at most 10; a worker that died leaves it to another after this
_DELIVERIES_AT_ONCE = 50
_ANNOUNCED_WITHIN = dt.timedelta(days=1)
logger = logging.getLogger(__name__)


class WebhookExists(Exception):
    """The project tells this address already."""


class TooManyWebhooks(Exception):
    """A project has enough of them."""


class NotRetryable(Exception):
    """The delivery went through, or waits for its next attempt anyway."""


@dataclass(frozen=True)
class NewWebhook:
    """A stored webhook, and the secret that its receiver checks signatures with; shown this once."""

    webhook: Webhook
    secret: str


def create_webhook(*, project: Project, url: str, actor: Account, now: dt.datetime) -> NewWebhook:
    """Raises AddressRefused, WebhookExists, TooManyWebhooks."""
    target = find_target(url, settings.WEBHOOK_NETWORKS)
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        live = Webhook.objects.filter(project=project, removed_at__isnull=True)
        if live.filter(url=url).exists():
            raise WebhookExists("This address is told already.")
        if live.count() >= MOST_WEBHOOKS:
            raise TooManyWebhooks(f"A project has at most {MOST_WEBHOOKS} webhooks; remove one first.")
        webhook = Webhook.objects.create(
            project=project, url=url, salt=secrets.token_hex(16), created_by=actor, created_at=now
        )
        record_event(
            actor=actor, verb="made a webhook", subject=webhook, now=now, project=project, host=target.host
        )
    return NewWebhook(webhook, secret_of(webhook))


def remove_webhook(*, webhook: Webhook, actor: Account, now: dt.datetime) -> None:
    """It is told nothing more; what was sent stays in the log. Removing it again changes nothing."""
    with transaction.atomic():
        if not Webhook.objects.filter(pk=webhook.pk, removed_at__isnull=True).update(removed_at=now):
            return
        waiting = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.WAITING)
        waiting.update(state=DeliveryState.GIVEN_UP)
        record_event(actor=actor, verb="removed a webhook", subject=webhook, now=now, project=webhook.project)


def secret_of(webhook: Webhook) -> str:
    """The secret that signs: made of the webhook's salt and the installation's secret key, and stored nowhere."""
    return "whsec_" + salted_hmac("exports.webhook", webhook.salt, algorithm="sha256").hexdigest()


def announce_export(*, export: Export, now: dt.datetime) -> None:
    """Queues one message to each webhook that the export's project had when it ended; twice makes no second one."""
    event = f"export.{export.state}"
    live = Webhook.objects.filter(project=export.project_id, removed_at__isnull=True)
    for webhook in live.filter(created_at__lte=export.finished_at):
        delivery, is_new = WebhookDelivery.objects.get_or_create(
            webhook=webhook,
            export=export,
            event=event,
            defaults={"body": _describe(export, event), "created_at": now, "next_attempt_at": now},
        )
        if is_new:
            transaction.on_commit(lambda pk=delivery.pk: _send(pk))  # type: ignore[misc]


def retry_delivery(*, delivery: WebhookDelivery, actor: Account, now: dt.datetime) -> None:
    """Sends a delivery that was given up once more, with all its attempts before it. Raises NotRetryable."""
    with transaction.atomic():
        given_up = WebhookDelivery.objects.filter(
            pk=delivery.pk, state=DeliveryState.GIVEN_UP, webhook__removed_at__isnull=True
        )
        if not given_up.update(state=DeliveryState.WAITING, next_attempt_at=now):
            raise NotRetryable("This delivery needs no other attempt, or its webhook was removed.")
        project = delivery.webhook.project
        record_event(actor=actor, verb="sent a webhook again", subject=delivery, now=now, project=project)
        transaction.on_commit(lambda: _send(delivery.pk))


def deliver_webhook(*, delivery_id: int, clock: Clock) -> None:
    """One attempt of a delivery that is due; nothing where it isn't, or another worker is at it."""
    delivery = _claim(delivery_id, clock())
    if delivery is None:
        return
    now = clock()
    try:
        target = find_target(delivery.webhook.url, settings.WEBHOOK_NETWORKS)
    except AddressRefused as error:
        outcome = Outcome(None, str(error)[:300], 0.0)
    else:
        outcome = post(
            target,
            body=delivery.body,
            secret=secret_of(delivery.webhook),
            event=delivery.event,
            uid=str(delivery.uid),
            timestamp=int(now.timestamp()),
        )
    _store(delivery, outcome, now=now, ended_at=clock())


def deliver_due_webhooks(*, clock: Clock) -> int:
    """Attempts what is due: back-offs that ended, and what a lost message or a dead worker left. Returns how many.

    Exports that ended without a worker are announced first. A delivery that breaks off is logged, and keeps none of the
    others back.
    """
    _announce_unannounced(clock())
    due = WebhookDelivery.objects.filter(state=DeliveryState.WAITING, next_attempt_at__lte=clock())
    ids = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:_DELIVERIES_AT_ONCE])
    for delivery_id in ids:
        try:
            deliver_webhook(delivery_id=delivery_id, clock=clock)
        except Exception:
            logger.exception("Delivery %s of a webhook broke off", delivery_id)
    return len(ids)


def _announce_unannounced(now: dt.datetime) -> None:
    """Exports that failed because their workers died: whoever finds that out knows jobs, and nothing of webhooks."""
    webhooks = Webhook.objects.filter(
        project=OuterRef("project"), removed_at__isnull=True, created_at__lte=OuterRef("finished_at")
    )
    told = WebhookDelivery.objects.filter(export=OuterRef("pk"), event="export.failed")
    failed = list_exports().filter(
        Exists(webhooks), ~Exists(told), state=JobState.FAILED, finished_at__gt=now - _ANNOUNCED_WITHIN
    )
    for export in failed.order_by("pk"):
        with transaction.atomic():
            announce_export(export=export, now=now)


def _send(delivery_id: int) -> None:
    background.send(TASK_NAME, delivery_id)


def _claim(delivery_id: int, now: dt.datetime) -> WebhookDelivery | None:
    """Takes the next attempt for this worker: no connection is made inside a transaction."""
    with transaction.atomic():
        delivery = (
            WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("webhook")
            .filter(pk=delivery_id, state=DeliveryState.WAITING, next_attempt_at__lte=now)
            .first()
        )
        if delivery is None:
            return None
        delivery.num_attempts += 1
        delivery.next_attempt_at = now + _LEASE
        delivery.save(update_fields=["num_attempts", "next_attempt_at"])
    return delivery


def _store(delivery: WebhookDelivery, outcome: Outcome, *, now: dt.datetime, ended_at: dt.datetime) -> None:
    """The attempt, and what it means for the delivery, unless that was taken over or its webhook removed meanwhile."""
    number = delivery.num_attempts
    with transaction.atomic():
        WebhookAttempt.objects.create(
            delivery=delivery,
            number=number,
            attempted_at=now,
            seconds=outcome.seconds,
            status=outcome.status,
            error=outcome.error,
        )
        ours = WebhookDelivery.objects.filter(
            pk=delivery.pk, num_attempts=number, state=DeliveryState.WAITING
        )
        if outcome.is_delivered:
            ours.update(state=DeliveryState.DELIVERED)
        elif (number - 1) % (len(BACK_OFF) + 1) < len(BACK_OFF):
            ours.update(next_attempt_at=ended_at + BACK_OFF[(number - 1) % (len(BACK_OFF) + 1)])
        else:
            ours.update(state=DeliveryState.GIVEN_UP)


def _describe(export: Export, event: str) -> str:
    """The message: which export ended how, and where the API has it. No label, and nothing that a text says."""
    message = {
        "event": event,
        "export": export.pk,
        "project": export.project.slug,
        "state": export.state,
        "error": export.error,
        "content_hash": export.content_hash,
        "configs": export.configs,
        "path": f"/api/v1/exports/{export.pk}/",
    }
    return json.dumps(message, ensure_ascii=False, sort_keys=True)
