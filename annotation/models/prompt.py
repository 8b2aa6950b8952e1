"""A prompt: the problem shown to the model, with an optional reference answer and a verifier."""

from django.db import models
from django.db.models import Q

from annotation.models.project import Project


class Prompt(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    text = models.TextField()
    reference_answer = models.TextField(blank=True)
    verifier = models.CharField(
        max_length=40,
        blank=True,
        help_text="Which rl_bridge verifier decides whether a final answer is right.",
    )
    ground_truth = models.TextField(
        blank=True, help_text="What the verifier compares with; the reference answer where it needs no more."
    )
    source = models.JSONField(
        default=dict, help_text="Where it came from: file and line, or data set, seed and index."
    )
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "content_hash"], name="prompt_once_per_project"),
            models.CheckConstraint(condition=~Q(text=""), name="prompt_has_text"),
        ]

    def __str__(self) -> str:
        return f"prompt {self.pk}"
