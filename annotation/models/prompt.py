"""A prompt: the problem shown to the model, with an optional reference answer and a verifier."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.models.project import Project


class Priority(models.IntegerChoices):
    """In which order a project's open traces are handed out; the highest come first, held ones never."""

    HELD = 0, "Held back"
    LAST = 1, "Last"
    USUAL = 2, "As usual"
    FIRST = 3, "First"


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
    language = models.CharField(
        max_length=8,
        blank=True,
        help_text="ISO 639-1 code of the language it is written in, as recognised when it came; empty: not sure.",
    )
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="prompts",
        help_text="Who wrote or brought it; none where a program made it.",
    )
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.USUAL)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "content_hash"], name="prompt_once_per_project"),
            models.CheckConstraint(condition=~Q(text=""), name="prompt_has_text"),
            models.CheckConstraint(
                condition=Q(priority__in=Priority.values), name="prompt_priority_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"prompt {self.pk}"
