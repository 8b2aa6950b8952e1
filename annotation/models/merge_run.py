"""A run of the merge over a project, and what it said of each trace and pair. Never edited: run it again."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.database_rules import AreProbabilities
from annotation.models.job import Job
from annotation.models.project import Project
from annotation.models.prompt import Prompt
from annotation.models.trace import Trace


class MergeRun(Job):
    task_name = "annotation.run_merge"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    policy = models.CharField(max_length=20, default="chain")
    recovery = models.CharField(max_length=10, default="off")
    uses_verdict = models.BooleanField(default=False)
    merge_version = models.CharField(max_length=40, blank=True)
    diagnostics = models.JSONField(default=dict)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]

    def __str__(self) -> str:
        return f"merge run {self.pk}"


class Provenance(models.TextChoices):
    """On which evidence a posterior rests (DOMAIN: evidence rules)."""

    HUMAN = "human", "People"
    HYBRID = "hybrid", "People and judges"
    AI = "ai", "Judges alone"
    GOLD = "gold", "Gold"
    NONE = "none", "Not enough evidence"


class MergedTrace(models.Model):
    run = models.ForeignKey(MergeRun, on_delete=models.CASCADE, related_name="merged_traces")
    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="merged")
    posterior = ArrayField(
        models.FloatField(null=True), help_text="P(step stands), one a step; none without any evidence."
    )
    p_trace = models.FloatField(null=True, help_text="P(the last step stands); none without any evidence.")
    first_error = models.IntegerField(null=True, help_text="Index of the likeliest first error; -1 for none.")
    provenance = models.CharField(max_length=8, choices=Provenance)
    num_raters = models.PositiveIntegerField(default=0)
    num_blind_raters = models.PositiveIntegerField(default=0, help_text="Raters who saw no judge score.")
    judges = ArrayField(
        models.CharField(max_length=220), default=list, help_text='Whose scores entered, as "name@version".'
    )
    fold = models.PositiveSmallIntegerField(
        null=True,
        help_text="Whose hazard was used: the one fitted without this fold; none for the whole fit.",
    )

    class Meta:
        ordering = ["run", "trace"]
        constraints = [
            models.UniqueConstraint(fields=["run", "trace"], name="merged_trace_once_per_run"),
            models.CheckConstraint(
                condition=AreProbabilities("posterior"), name="merged_trace_posterior_in_range"
            ),
            models.CheckConstraint(
                condition=Q(p_trace__isnull=True) | Q(p_trace__gte=0, p_trace__lte=1),
                name="merged_trace_p_in_range",
            ),
            models.CheckConstraint(
                condition=Q(provenance__in=Provenance.values), name="merged_trace_provenance_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"trace {self.trace_id} in merge run {self.run_id}"


class MergedPreference(models.Model):
    run = models.ForeignKey(MergeRun, on_delete=models.CASCADE, related_name="merged_preferences")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE)
    chosen = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="+")
    rejected = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="+")
    probability = models.FloatField(help_text="P(chosen is better than rejected).")
    margin = models.FloatField(help_text="Difference of strengths, clipped to 0 to 3.")
    provenance = models.CharField(max_length=8, choices=Provenance)

    class Meta:
        ordering = ["run", "prompt", "chosen", "rejected"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "chosen", "rejected"], name="merged_preference_once_per_pair"
            ),
            models.CheckConstraint(
                condition=Q(probability__gte=0, probability__lte=1, margin__gte=0, margin__lte=3),
                name="merged_preference_in_range",
            ),
            models.CheckConstraint(
                condition=Q(provenance__in=Provenance.values), name="merged_preference_provenance_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"preference {self.chosen_id} over {self.rejected_id} in merge run {self.run_id}"
