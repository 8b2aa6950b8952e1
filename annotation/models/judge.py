"""Judges, their runs over traces, and what they said: one row a trace and judge, never a row a step."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.database_rules import AreProbabilities
from annotation.models.job import ChunkedJob, Job, ModelJob
from annotation.models.model_spec import ModelSpec
from annotation.models.project import Project
from annotation.models.trace import Trace


class JudgeKind(models.TextChoices):
    LIKELIHOOD = "likelihood", "Likelihood of “yes”"
    ARITHMETIC = "arithmetic", "Arithmetic checks"
    RUBRIC = "rubric", "Critique by a rubric"
    ROLLOUT = "rollout", "Roll-outs from each step"
    PRM = "prm", "Process reward model"


class Judge(models.Model):
    """A judge and its version. A change of model, rubric or code is a new version, never an edit."""

    kind = models.CharField(max_length=20, choices=JudgeKind)
    name = models.CharField(max_length=120)
    version = models.CharField(max_length=80)
    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="judges",
        help_text="Whose judge it is; none for those that come with the product.",
    )
    model_spec = models.ForeignKey(ModelSpec, null=True, blank=True, on_delete=models.PROTECT)
    sees_reference = models.BooleanField(default=False)
    settings = models.JSONField(default=dict)
    note = models.TextField(
        blank=True, help_text="What people should know before they trust it; shown wherever it is."
    )
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True, help_text="No longer offered; its scores stay.")

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            # Two, since PostgreSQL 14 takes no two nulls for the same.
            models.UniqueConstraint(
                fields=["name", "version"],
                condition=Q(project__isnull=True),
                name="judge_once_per_version",
            ),
            models.UniqueConstraint(
                fields=["project", "name", "version"], name="judge_once_per_version_in_project"
            ),
            models.CheckConstraint(condition=Q(kind__in=JudgeKind.values), name="judge_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class JudgeRun(ChunkedJob):
    """One judge over the traces of a project that it had not judged at launch."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    judge = models.ForeignKey(Judge, on_delete=models.PROTECT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    num_traces = models.PositiveIntegerField()

    class Meta(Job.Meta):
        ordering = ["-queued_at"]

    def __str__(self) -> str:
        return f"judge run {self.pk}"


class JudgeChunk(ModelJob):
    task_name = "annotation.judge_chunk"
    server_task_name = "annotation.judge_chunk_on_server"
    whole = "run"

    run = models.ForeignKey(JudgeRun, on_delete=models.CASCADE, related_name="chunks")
    index = models.PositiveIntegerField()
    trace_ids = ArrayField(models.BigIntegerField())
    failures = models.JSONField(default=list, help_text="[{trace_id, reason}]: traces without a score.")

    class Meta(Job.Meta):
        ordering = ["run", "index"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["run", "index"], name="judge_chunk_once_per_index"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.index} of judge run {self.run_id}"

    def fail_items(self, reason: str) -> list[str]:
        """See `Job.fail_items`. Its scores are stored with its end, so an unfinished chunk has given none."""
        self.failures = [{"trace_id": trace_id, "reason": reason} for trace_id in self.trace_ids]
        return ["failures"]


class JudgeScore(models.Model):
    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="judge_scores")
    judge = models.ForeignKey(Judge, on_delete=models.PROTECT)
    probabilities = ArrayField(
        models.FloatField(null=True),
        help_text="P(step is correct), one a step; none where the judge says nothing.",
    )
    rationales = models.JSONField(default=list, help_text="One text a step, or an empty list.")
    fault = models.CharField(
        max_length=300, blank=True, help_text="Why the judge's answer could not be read, where it could not."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["judge", "trace"]
        constraints = [
            models.UniqueConstraint(fields=["trace", "judge"], name="judge_score_once_per_trace"),
            models.CheckConstraint(
                condition=AreProbabilities("probabilities"), name="judge_score_probabilities_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"score of {self.judge_id} for trace {self.trace_id}"
