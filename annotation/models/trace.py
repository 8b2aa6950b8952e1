"""A trace: a completion cut into steps, with where it came from.

A step is a span of the completion, never a copy: `step_ends` holds the exclusive ends, in characters, and a
database constraint holds that they rise strictly to the completion's length. Cutting a completion again makes a
new trace (`segmentation` + 1) and retires the old one, so ratings keep the steps they were given for.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.database_rules import StepsAreLossless
from annotation.models.generation_batch import GenerationBatch
from annotation.models.project import Project
from annotation.models.prompt import Priority, Prompt


class TraceQuerySet(models.QuerySet["Trace"]):
    def current(self) -> "TraceQuerySet":
        """Leaves out traces that a later segmentation replaced."""
        return self.filter(retired_at__isnull=True)


class Trace(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE)
    batch = models.ForeignKey(
        GenerationBatch, null=True, blank=True, on_delete=models.PROTECT, related_name="traces"
    )
    sample_index = models.PositiveSmallIntegerField(null=True, blank=True)

    completion = models.TextField()
    step_ends = ArrayField(models.PositiveIntegerField())
    segmenter = models.CharField(max_length=40)
    segmentation = models.PositiveSmallIntegerField(default=1)

    model_name = models.CharField(max_length=120)
    sampling = models.JSONField(default=dict, help_text="All that is needed to make it again.")
    finish_reason = models.CharField(max_length=20, blank=True)
    num_prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    num_tokens = models.PositiveIntegerField(null=True, blank=True)
    mean_logprob = models.FloatField(null=True, blank=True)
    final_answer = models.TextField(null=True, blank=True)  # noqa: DJ001 (none is not the empty answer)
    is_answer_correct = models.BooleanField(
        null=True, blank=True, help_text="The verifier's word, where one ran."
    )

    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    # How traces are handed out (annotation/actions/assignments.py).
    wants_ratings = models.BooleanField(
        default=True,
        help_text="Fewer raters have it, or have rated it, than the project's overlap; never for gold and held ones.",
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority,
        default=Priority.USUAL,
        help_text="Its prompt's, repeated here for the queue's indexes.",
    )
    queue_key = models.FloatField(
        help_text="Drawn at random once; a random trace is the next one at or after a random key."
    )
    need = models.FloatField(default=0.0, help_text="0 to 1: how much a person's rating would tell.")

    objects = TraceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=StepsAreLossless(), name="trace_steps_are_lossless"),
            models.UniqueConstraint(
                fields=["batch", "prompt", "sample_index", "segmentation"],
                condition=Q(batch__isnull=False),
                name="trace_once_per_sample",
            ),
            models.CheckConstraint(
                condition=Q(batch__isnull=True, sample_index__isnull=True)
                | Q(batch__isnull=False, sample_index__isnull=False),
                name="trace_sample_belongs_to_a_batch",
            ),
            models.CheckConstraint(condition=Q(need__gte=0, need__lte=1), name="trace_need_is_a_share"),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(wants_ratings=False),
                name="trace_retired_is_not_handed_out",
            ),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="trace_priority_is_known"),
            models.CheckConstraint(
                condition=Q(priority__gt=Priority.HELD) | Q(wants_ratings=False),
                name="trace_held_is_not_handed_out",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-priority", "queue_key"],
                condition=Q(wants_ratings=True),
                name="trace_open_random",
            ),
            models.Index(
                fields=["project", "-priority", "-need", "queue_key"],
                condition=Q(wants_ratings=True),
                name="trace_open_need",
            ),
        ]

    def __str__(self) -> str:
        return f"trace {self.pk}"

    @property
    def num_steps(self) -> int:
        return len(self.step_ends)
