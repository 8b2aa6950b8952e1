"""Where a judge comes from: the training that made it, and the export that the training was on."""

from django.conf import settings
from django.db import models

from annotation.models import Judge, Project


class TrainedJudge(models.Model):
    """One registration of a run's model as a judge; never changed. What the run says of itself is kept with it, since
    its folder may go."""

    judge = models.OneToOneField(Judge, on_delete=models.CASCADE, related_name="training")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="trained_judges")
    export = models.ForeignKey(
        "exports.Export",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="trained_judges",
        help_text="None where the run's export is not one of this installation's.",
    )
    manifest_sha256 = models.CharField(
        max_length=64, help_text="Of the export's manifest, as the run read it."
    )
    run_name = models.CharField(max_length=200)
    run_settings = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict, help_text="The run's final figures.")
    revision = models.CharField(max_length=64, help_text="One SHA-256 over the model's weights.")
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["-registered_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "revision"], name="trained_judge_once_per_weights"),
        ]

    def __str__(self) -> str:
        return f"{self.judge} by {self.run_name}"
