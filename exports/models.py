"""An export: a frozen, hashed snapshot of datasets made from merge runs. Nothing edits it. And its way to the Hub."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models import Job, MergeRun, Project
from exports.lineage_models import TrainedJudge
from exports.webhook_models import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "Export",
    "FileFormat",
    "Form",
    "HubPush",
    "TrainedJudge",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]


class Form(models.TextChoices):
    STANDARD = "standard", "Standard (text)"
    CONVERSATIONAL = "conversational", "Conversational (messages)"


class FileFormat(models.TextChoices):
    PARQUET = "parquet", "Parquet"
    JSONL = "jsonl", "JSON Lines"


class Export(Job):
    task_name = "exports.write_export"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    merge_run = models.ForeignKey(MergeRun, on_delete=models.PROTECT)
    other_runs = models.ManyToManyField(
        MergeRun,
        related_name="shared_exports",
        blank=True,
        help_text="Merge runs of further projects in the same export.",
    )
    configs = ArrayField(models.CharField(max_length=24))
    form = models.CharField(max_length=16, choices=Form, default=Form.STANDARD)
    file_format = models.CharField(max_length=8, choices=FileFormat, default=FileFormat.PARQUET)
    policy = models.JSONField(default=dict, help_text="Thresholds and filters (exports.policy.ExportPolicy).")
    progress = models.CharField(max_length=120, blank=True)
    manifest = models.JSONField(null=True, blank=True)
    checks = models.JSONField(
        default=list, blank=True, help_text="What was verified before it was released (exports.verification)."
    )
    content_hash = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the manifest; names the folder."
    )

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(condition=Q(form__in=Form.values), name="export_form_is_known"),
            models.CheckConstraint(
                condition=Q(file_format__in=FileFormat.values), name="export_file_format_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="finished") | (Q(manifest__isnull=False) & ~Q(content_hash="")),
                name="export_finished_has_a_manifest",
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"


class HubPush(Job):
    """An export on its way to a dataset repository of the Hugging Face Hub. The token is the worker's environment's."""

    task_name = "exports.push_to_hub"

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pushes")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    repository = models.CharField(max_length=200, help_text="owner/name")
    is_private = models.BooleanField(default=True)
    commit_url = models.CharField(max_length=500, blank=True)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]

    def __str__(self) -> str:
        return f"push {self.pk} of export {self.export_id}"
