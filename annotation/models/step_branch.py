"""Other next steps: a rater who found the first error asks the trace's model to go on from there again.

What a rater picks, or writes, becomes their rating's rewrite of the step; these rows only say what was offered.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotation.models.assignment import Assignment
from annotation.models.job import Job, ModelJob


class StepBranch(ModelJob):
    """One request: so many next steps after those before `step_index`, sampled one after the other."""

    task_name = "annotation.sample_alternatives"
    server_task_name = "annotation.sample_alternatives_on_server"

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="branches")
    step_index = models.PositiveIntegerField()
    round = models.PositiveSmallIntegerField(help_text="1, and more where the rater asked for further ones.")
    num_wanted = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(16)])
    temperature = models.FloatField()
    top_p = models.FloatField()
    max_new_tokens = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta(Job.Meta):
        ordering = ["pk"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["assignment", "step_index", "round"], name="step_branch_once_per_round"
            ),
            models.CheckConstraint(
                condition=Q(num_wanted__gte=1, max_new_tokens__gte=1, round__gte=1),
                name="step_branch_counts_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"branch {self.pk}"


class StepAlternative(models.Model):
    """One sampled next step, or why there is none (`refusal`)."""

    branch = models.ForeignKey(StepBranch, on_delete=models.CASCADE, related_name="alternatives")
    index = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True)
    refusal = models.TextField(blank=True)
    sampling = models.JSONField(default=dict, help_text="All that is needed to make it again.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["branch", "index"]
        constraints = [
            models.UniqueConstraint(fields=["branch", "index"], name="step_alternative_once_per_index"),
            models.CheckConstraint(
                condition=(Q(text="") & ~Q(refusal="")) | (~Q(text="") & Q(refusal="")),
                name="step_alternative_is_a_text_or_a_refusal",
            ),
        ]

    def __str__(self) -> str:
        return f"alternative {self.index} of branch {self.branch_id}"
