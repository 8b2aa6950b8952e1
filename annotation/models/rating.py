"""A rating: one rater's labels for the steps of one trace. Amending adds a revision; none is ever changed."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from annotation.models.assignment import Assignment
from annotation.models.database_rules import LabelsAreRatings
from annotation.models.trace import Trace


class Outcome(models.TextChoices):
    RATED = "rated", "Rated"
    BAD_PROBLEM = "bad_problem", gettext_lazy("Bad problem")
    GIVE_UP = "give_up", gettext_lazy("Gave up")


class RatingQuerySet(models.QuerySet["Rating"]):
    def current(self) -> "RatingQuerySet":
        """The last revision of each rater's rating."""
        return self.filter(is_current=True)


class Rating(models.Model):
    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="ratings")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ratings")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="ratings")
    revision = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.RATED)
    labels = ArrayField(
        models.SmallIntegerField(null=True),
        help_text="-1 bad, 0 neutral, +1 good, none = not judged; one a step.",
    )
    reason = models.TextField(blank=True, help_text="Why a bad problem, or why given up.")
    notes = models.JSONField(default=dict, help_text="{step index as text: note}")
    error_categories = models.JSONField(
        default=dict, help_text="{step index as text: category}, of steps rated bad."
    )
    rewrites = models.JSONField(
        default=dict, help_text="{step index as text: how the rater would have written the step}"
    )
    is_reference_wrong = models.BooleanField(default=False)
    is_assisted = models.BooleanField(help_text="Judge scores were shown before this revision was given.")
    active_seconds = models.FloatField(default=0.0, help_text="Time at work on it, idle time left out.")
    submitted_at = models.DateTimeField()
    idempotency_key = models.UUIDField(unique=True, help_text="A submission sent twice is stored once.")

    objects = RatingQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["rater", "submitted_at"], name="rating_of_rater_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["trace", "rater", "revision"], name="rating_once_per_revision"),
            models.UniqueConstraint(
                fields=["trace", "rater"], condition=Q(is_current=True), name="rating_one_current_per_rater"
            ),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="rating_outcome_is_known"),
            models.CheckConstraint(condition=LabelsAreRatings(), name="rating_labels_in_range"),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.RATED) | ~Q(reason=""), name="rating_without_labels_has_a_reason"
            ),
            models.CheckConstraint(condition=Q(active_seconds__gte=0), name="rating_time_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"rating {self.pk}"
