"""Webhooks: an address that is told when an export of a project ends; what was told to whom, and how it went."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.models import Project


class Webhook(models.Model):
    """Removed ones stay, for the log. `salt` and the installation's secret key give the secret that signs."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    url = models.CharField(max_length=500)
    salt = models.CharField(max_length=32)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "url"],
                condition=Q(removed_at__isnull=True),
                name="webhook_once_per_address",
            ),
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class WebhookDelivery(models.Model):
    """One message to one webhook, the same bytes at every attempt; `uid` lets a receiver drop what came twice."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    export = models.ForeignKey("exports.Export", on_delete=models.CASCADE, related_name="deliveries")
    uid = models.UUIDField(unique=True, default=uuid.uuid4)
    event = models.CharField(max_length=40)
    body = models.TextField(help_text="The JSON that is sent and signed.")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.WAITING)
    num_attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(help_text="Not before; moved ahead while an attempt is under way.")

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="webhook_delivery_state_is_known"
            ),
            models.UniqueConstraint(
                fields=["webhook", "export", "event"], name="webhook_delivery_once_per_event"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state=DeliveryState.WAITING),
                name="webhook_delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.uid}"


class WebhookAttempt(models.Model):
    """One try of a delivery: the answer's status, or why there was none."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    attempted_at = models.DateTimeField()
    seconds = models.FloatField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["delivery", "number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="webhook_attempt_once_per_number"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of delivery {self.delivery_id}"
