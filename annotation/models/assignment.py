"""An assignment: one trace leased to one rater, with the draft of their rating."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotation.models.trace import Trace


class AssignmentState(models.TextChoices):
    LEASED = "leased", "Leased"
    SUBMITTED = "submitted", "Submitted"
    SKIPPED = "skipped", "Skipped"
    RETURNED = "returned", "Returned"  # the lease ran out or was given back; the draft is kept


class SelectedBy(models.TextChoices):
    RANDOM = "random", "At random"
    NEED = "need", "By need"
    GOLD = "gold", "As gold"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def taking_a_place(self) -> AssignmentQuerySet:
        """Those that count towards a trace's overlap."""
        return self.filter(state__in=(AssignmentState.LEASED, AssignmentState.SUBMITTED))

    def expired(self, *, now: dt.datetime) -> AssignmentQuerySet:
        return self.filter(state=AssignmentState.LEASED, expires_at__lte=now)


class Assignment(models.Model):
    """One row a (rater, trace) for ever: what was drawn for the pair stays, also when it is leased again."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="assignments")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=10, choices=AssignmentState, default=AssignmentState.LEASED)
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    is_ahead = models.BooleanField(
        default=False, help_text="Leased while another trace is being rated, and not opened yet."
    )
    is_assisted = models.BooleanField(
        default=False, help_text="Drawn at random: judge scores show before rating."
    )
    selected_by = models.CharField(max_length=10, choices=SelectedBy, default=SelectedBy.RANDOM)
    selection_probability = models.FloatField(
        help_text="With which this trace was drawn, given who asked and when."
    )
    skip_reason = models.CharField(max_length=400, blank=True)
    scores_shown_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When judge scores first showed to the rater; what follows is assisted.",
    )

    draft = models.JSONField(
        default=dict, help_text="The rating as far as it has got (annotation.rules.draft.Draft)."
    )
    draft_revision = models.PositiveIntegerField(
        default=0, help_text="Rises with every save; a stale save is refused."
    )
    draft_saved_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["trace", "rater"], name="assignment_once_per_rater"),
            models.CheckConstraint(
                condition=Q(state__in=AssignmentState.values), name="assignment_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=AssignmentState.LEASED, ended_at__isnull=True)
                | (~Q(state=AssignmentState.LEASED) & Q(ended_at__isnull=False)),
                name="assignment_ended_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(is_ahead=False) | Q(state=AssignmentState.LEASED),
                name="assignment_ahead_is_leased",
            ),
            models.CheckConstraint(
                condition=Q(selection_probability__gt=0, selection_probability__lte=1),
                name="assignment_selection_probability_in_range",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state=AssignmentState.LEASED), name="assignment_leased"
            ),
            models.Index(fields=["rater", "state"], name="assignment_of_rater"),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"
