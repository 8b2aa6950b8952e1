"""A project: its prompts, its people and the rules they rate by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotation.rules.error_categories import DEFAULT_ERROR_CATEGORIES, MAX_CATEGORY_CHARACTERS

if TYPE_CHECKING:
    from annotation.models.account import Account


def default_error_categories() -> list[str]:
    return list(DEFAULT_ERROR_CATEGORIES)


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, account: Account) -> ProjectQuerySet:
        """Projects the account is an active member of; all of them for a site admin."""
        if account.is_superuser:
            return self
        return self.filter(Q(membership__account=account, membership__paused_at__isnull=True)).distinct()


class Project(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    guidelines = models.TextField(blank=True, help_text="Markdown, shown beside every trace.")
    overlap = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="How many raters rate each trace.",
    )
    stop_at_first_error = models.BooleanField(
        default=True, help_text="Steps after the first bad one stay not judged (PRM800K's way)."
    )
    can_rate_rest_good = models.BooleanField(
        default=True, help_text="One key rates all remaining steps good."
    )
    error_categories = ArrayField(
        models.CharField(max_length=MAX_CATEGORY_CHARACTERS),
        default=default_error_categories,
        blank=True,
        help_text="What a rater may say of a bad step, in the order shown; none turns it off.",
    )
    shows_reference = models.BooleanField(
        default=True, help_text="Raters see the reference answer, which is a best guess."
    )
    judges_see_reference = models.BooleanField(
        default=True, help_text="Judges that want the reference answer are told it."
    )
    shows_scores_after = models.BooleanField(
        default=True, help_text="After submitting, raters see what the judges thought."
    )
    assisted_share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of assignments, drawn at random, in which judge scores show before rating.",
    )
    lease_minutes = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 60)],
        help_text="How long a trace stays with a rater who does nothing.",
    )
    amend_minutes = models.PositiveIntegerField(
        default=60, help_text="How long after submitting a rater may amend a rating."
    )
    forbids_own_prompts = models.BooleanField(
        default=False, help_text="Nobody is handed a trace of a prompt that they added themselves."
    )
    gold_share = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of assignments, drawn at random, that are gold while a rater has some left.",
    )
    gold_threshold = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="A rater whose accuracy on recent gold is below it is paused; none: nobody is.",
    )
    gold_window = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="How many of a rater's latest gold traces the threshold looks at; with fewer, nobody is paused.",
    )
    shows_gold_accuracy = models.BooleanField(
        default=False, help_text="Raters see their own accuracy on gold, never which traces were gold."
    )
    needs_qualification = models.BooleanField(
        default=False, help_text="Raters pass a test on known traces before they are handed work."
    )
    qualification_traces = models.PositiveSmallIntegerField(
        default=6,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How many traces a test has, drawn from those set aside for it.",
    )
    qualification_pass_mark = models.FloatField(
        default=0.8,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="The share of them to find the first error of, or none where there is none.",
    )
    qualification_attempts = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="How often a rater may take the test.",
    )
    shows_decisions = models.BooleanField(
        default=False,
        help_text="Raters see what was decided of the traces they rated, and may appeal once.",
    )
    uploads_kept_days = models.PositiveSmallIntegerField(
        default=7,
        db_default=7,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="How long an uploaded file is kept; what was imported of it stays.",
    )
    dry_runs_kept_days = models.PositiveSmallIntegerField(
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="How long the answer of a dry run is kept.",
    )
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="project_overlap_is_positive"),
            models.CheckConstraint(
                condition=Q(assisted_share__gte=0, assisted_share__lte=1),
                name="project_assisted_share_is_a_share",
            ),
            models.CheckConstraint(condition=Q(lease_minutes__gte=1), name="project_lease_is_positive"),
            models.CheckConstraint(
                condition=Q(gold_share__gte=0, gold_share__lte=1), name="project_gold_share_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(gold_threshold__isnull=True) | Q(gold_threshold__gte=0, gold_threshold__lte=1),
                name="project_gold_threshold_is_a_share",
            ),
            models.CheckConstraint(condition=Q(gold_window__gte=1), name="project_gold_window_is_positive"),
            models.CheckConstraint(
                condition=Q(qualification_pass_mark__gte=0, qualification_pass_mark__lte=1),
                name="project_qualification_pass_mark_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(qualification_traces__gte=1, qualification_attempts__gte=1),
                name="project_qualification_counts_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name
