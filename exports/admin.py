"""Exports, webhooks, pushes and trained judges in Django's admin: shown, never edited."""

from __future__ import annotations

from django.contrib import admin

from annotation.admin import ReadOnlyAdmin
from exports.lineage_models import TrainedJudge
from exports.models import Export, HubPush, Webhook, WebhookAttempt, WebhookDelivery


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "state", "form", "file_format", "queued_at", "content_hash")
    list_filter = ("state", "project")
    list_select_related = ("project",)


@admin.register(HubPush)
class HubPushAdmin(ReadOnlyAdmin):
    list_display = ("pk", "export", "repository", "is_private", "state", "queued_at")
    list_filter = ("state",)
    list_select_related = ("export",)


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "url", "created_by", "created_at", "removed_at")
    list_filter = ("project",)
    list_select_related = ("project", "created_by")
    exclude = ("salt",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("uid", "webhook", "export", "event", "state", "num_attempts", "created_at")
    list_filter = ("state",)
    list_select_related = ("webhook", "export")


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(ReadOnlyAdmin):
    list_display = ("delivery", "number", "attempted_at", "status", "error")
    list_select_related = ("delivery",)


@admin.register(TrainedJudge)
class TrainedJudgeAdmin(ReadOnlyAdmin):
    list_display = ("judge", "project", "export", "run_name", "registered_by", "registered_at")
    list_filter = ("project",)
    list_select_related = ("judge", "project", "export", "registered_by")
