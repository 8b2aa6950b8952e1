"""Practice on gold: the tutorial, and the qualification test that gates a project where its admin says so.

What raters say here is never a rating: it has feedback, or decides who may rate, and no merge reads it.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from annotation.models.database_rules import LabelsAreRatings
from annotation.models.project import Project
from annotation.models.trace import Trace


class QualificationAttempt(models.Model):
    """One rater's try at a project's test: which traces it has, drawn when it began, and how it ended.

    An admin who lets somebody rate without the test makes a passed attempt that has no traces (`waived_by`).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="attempts")
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="qualification_attempts"
    )
    number = models.PositiveSmallIntegerField(help_text="1 for the rater's first; a waiver has 0.")
    trace_ids = ArrayField(models.BigIntegerField(), default=list, help_text="In the order they are shown.")
    pass_mark = models.FloatField(help_text="The project's, when the attempt began.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    num_right = models.PositiveSmallIntegerField(null=True, blank=True)
    has_passed = models.BooleanField(null=True, blank=True, help_text="None while it runs.")
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "rater", "number"], name="qualification_attempt_once_per_number"
            ),
            models.UniqueConstraint(
                fields=["project", "rater"],
                condition=Q(finished_at__isnull=True),
                name="qualification_attempt_one_open_per_rater",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, has_passed__isnull=True, num_right__isnull=True)
                | Q(finished_at__isnull=False, has_passed__isnull=False, num_right__isnull=False),
                name="qualification_attempt_finished_has_a_result",
            ),
            models.CheckConstraint(
                condition=Q(num_right__isnull=True) | Q(num_right__lte=F("trace_ids__len")),
                name="qualification_attempt_right_of_those_shown",
            ),
        ]

    def __str__(self) -> str:
        return f"qualification attempt {self.pk}"


class PracticeAnswer(models.Model):
    """What a rater said of one gold trace in the tutorial (the latest counts) or in an attempt at the test."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="practice_answers")
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="practice_answers"
    )
    attempt = models.ForeignKey(
        QualificationAttempt,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="answers",
        help_text="None: it was the tutorial.",
    )
    labels = ArrayField(models.SmallIntegerField(null=True), help_text="As in a rating.")
    is_right = models.BooleanField(help_text="Whether its first error was gold's, as gold was then.")
    active_seconds = models.FloatField(default=0.0)
    answered_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["trace", "rater"],
                condition=Q(attempt__isnull=True),
                name="practice_answer_once_in_the_tutorial",
            ),
            models.UniqueConstraint(
                fields=["trace", "attempt"],
                condition=Q(attempt__isnull=False),
                name="practice_answer_once_per_attempt",
            ),
            models.CheckConstraint(condition=LabelsAreRatings(), name="practice_answer_labels_in_range"),
            models.CheckConstraint(
                condition=Q(active_seconds__gte=0), name="practice_answer_time_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"practice answer {self.pk}"
