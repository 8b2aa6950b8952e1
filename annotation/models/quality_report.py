"""A quality report: what a worker found in a project's ratings and judge scores. Never edited: compute it anew."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.models.job import OPEN_STATES, Job
from annotation.models.project import Project


class ReportKind(models.TextChoices):
    AGREEMENT = "agreement", "Agreement between raters"
    JUDGES = "judges", "Judges against people"
    MORE_LABELS = "more_labels", "What more labels would buy"


class QualityReport(Job):
    task_name = "annotation.compute_quality"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    kind = models.CharField(max_length=12, choices=ReportKind)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Who asked for it; none where the product itself did.",
    )
    version = models.CharField(max_length=20, blank=True, help_text="Of the code that computed it.")
    found = models.JSONField(default=dict, help_text="The report (annotation.measuring), as JSON.")

    class Meta(Job.Meta):
        ordering = ["-queued_at", "-pk"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(kind__in=ReportKind.values), name="quality_report_kind_is_known"
            ),
            models.UniqueConstraint(
                fields=["project", "kind"],
                condition=Q(state__in=OPEN_STATES),
                name="quality_report_one_open_per_kind",
            ),
        ]
        indexes = [
            *Job.Meta.indexes,
            models.Index(fields=["project", "kind", "-queued_at"], name="quality_report_latest"),
        ]

    def __str__(self) -> str:
        return f"quality report {self.pk}"
