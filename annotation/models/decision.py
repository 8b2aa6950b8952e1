"""What an adjudicator decides of a trace, where raters (or raters and the merge) disagree, and raters' appeals."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.database_rules import LabelsAreRatings
from annotation.models.project import Project
from annotation.models.trace import Trace


class Ruling(models.TextChoices):
    STEPS = "steps", "Steps decided"
    BAD_PROBLEM = "bad_problem", "Bad problem"


class DecisionQuerySet(models.QuerySet["Decision"]):
    def current(self) -> "DecisionQuerySet":
        """The last revision of each trace's decision."""
        return self.filter(is_current=True)


class Decision(models.Model):
    """One revision of the decision on a trace. Deciding again adds a revision; none is ever changed."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="decisions")
    adjudicator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    revision = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    ruling = models.CharField(max_length=12, choices=Ruling, default=Ruling.STEPS)
    labels = ArrayField(
        models.SmallIntegerField(null=True),
        help_text="-1 bad, 0 neutral, +1 good, none = rests on an error or not judged; one a step.",
    )
    note = models.TextField(blank=True, help_text="Why; the trace's raters may read it.")
    step_notes = models.JSONField(default=dict, help_text="{step index as text: note}")
    has_seen_scores = models.BooleanField(
        help_text="Judge scores stood beside the ratings when this was decided."
    )
    decided_at = models.DateTimeField()
    idempotency_key = models.UUIDField(unique=True, help_text="A decision sent twice is stored once.")

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["trace", "revision"], name="decision_once_per_revision"),
            models.UniqueConstraint(
                fields=["trace"], condition=Q(is_current=True), name="decision_one_current_per_trace"
            ),
            models.CheckConstraint(condition=Q(ruling__in=Ruling.values), name="decision_ruling_is_known"),
            models.CheckConstraint(condition=LabelsAreRatings(), name="decision_labels_in_range"),
            models.CheckConstraint(
                condition=Q(ruling=Ruling.STEPS) | ~Q(note=""), name="decision_without_labels_has_a_note"
            ),
        ]

    def __str__(self) -> str:
        return f"decision on trace {self.trace_id}, revision {self.revision}"


class AppealState(models.TextChoices):
    OPEN = "open", "Open"
    CHANGED = "changed", "Decision changed"
    KEPT = "kept", "Decision kept"


class Appeal(models.Model):
    """A rater's objection to the decision on a trace they rated: once for each trace, with a reason."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="appeals")
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="appeals")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="appeals")
    reason = models.TextField()
    filed_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=AppealState, default=AppealState.OPEN)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="answered_appeals",
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["trace", "rater"], name="appeal_once_per_rater"),
            models.CheckConstraint(condition=Q(state__in=AppealState.values), name="appeal_state_is_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="appeal_has_a_reason"),
            models.CheckConstraint(
                condition=Q(
                    state=AppealState.OPEN, answered_at__isnull=True, answered_by__isnull=True, answer=""
                )
                | (
                    ~Q(state=AppealState.OPEN)
                    & Q(answered_at__isnull=False, answered_by__isnull=False)
                    & ~Q(answer="")
                ),
                name="appeal_answered_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk}"


class Between(models.TextChoices):
    RATERS = "raters", "Raters"
    MERGE = "merge", "Raters and the merge"


class Disagreement(models.Model):
    """A trace on whose first error people, or people and the merge, disagree: kept up as ratings and merges come in,
    so that the most informative one is the first entry of an index."""

    trace = models.OneToOneField(Trace, on_delete=models.CASCADE)
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    between = models.CharField(max_length=8, choices=Between)
    bits = models.FloatField(help_text="What a decision is expected to tell (annotation.rules.disagreement).")
    is_open = models.BooleanField(default=True, help_text="Nobody has decided the trace.")
    found_at = models.DateTimeField()
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then it is handed to nobody else."
    )

    class Meta:
        ordering = ["-bits", "trace"]
        constraints = [
            models.CheckConstraint(
                condition=Q(between__in=Between.values), name="disagreement_between_is_known"
            ),
            models.CheckConstraint(condition=Q(bits__gte=0), name="disagreement_bits_are_not_negative"),
        ]
        indexes = [
            models.Index(
                fields=["project", "-bits", "trace"], condition=Q(is_open=True), name="disagreement_open"
            )
        ]

    def __str__(self) -> str:
        return f"disagreement on trace {self.trace_id}"
