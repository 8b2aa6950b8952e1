"""A launch of prompts x samples on one model, cut into chunks that finish in seconds.

A chunk is the unit of work and of loss: its traces and its last state are stored in one transaction, so
each (batch, prompt, sample) yields exactly one trace whatever crashes.
"""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotation.models.job import ChunkedJob, Job, ModelJob
from annotation.models.model_spec import ModelSpec
from annotation.models.project import Project


class GenerationBatch(ChunkedJob):
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    model_spec = models.ForeignKey(ModelSpec, on_delete=models.PROTECT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    num_prompts = models.PositiveIntegerField()
    num_samples = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(256)])
    temperature = models.FloatField(default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(2.0)])
    top_p = models.FloatField(default=0.95, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    max_new_tokens = models.PositiveIntegerField(
        default=192, validators=[MinValueValidator(1), MaxValueValidator(32_768)]
    )
    seed = models.BigIntegerField(default=0, validators=[MinValueValidator(0), MaxValueValidator(2**31 - 1)])
    prompt_template = models.TextField(help_text="{prompt} stands for the prompt's text.")
    segmenter = models.CharField(max_length=40)
    chat_template = models.TextField(
        blank=True, help_text="The model's own, in Jinja, as the worker found it; empty where it has none."
    )
    special_tokens = models.JSONField(
        default=dict, blank=True, help_text='What the chat template may name: {"bos_token": "<s>"}.'
    )
    chunk_size = models.PositiveSmallIntegerField()
    token_budget = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="It pauses once the model has read and written so many; none: no limit.",
    )
    money_budget = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="Likewise, in US dollars."
    )
    price_per_million_prompt_tokens = models.DecimalField(
        max_digits=12, decimal_places=4, default=Decimal(0), help_text="The model's when it was launched."
    )
    price_per_million_tokens = models.DecimalField(
        max_digits=12, decimal_places=4, default=Decimal(0), help_text="The model's when it was launched."
    )

    class Meta(Job.Meta):
        ordering = ["-queued_at"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(temperature__gte=0, temperature__lte=2, top_p__gt=0, top_p__lte=1),
                name="generation_batch_sampling_in_range",
            ),
            models.CheckConstraint(
                condition=Q(num_samples__gte=1, max_new_tokens__gte=1, chunk_size__gte=1),
                name="generation_batch_counts_are_positive",
            ),
            models.CheckConstraint(
                condition=(Q(token_budget__isnull=True) | Q(token_budget__gte=1))
                & (Q(money_budget__isnull=True) | Q(money_budget__gt=0)),
                name="generation_batch_budgets_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"

    @property
    def num_expected(self) -> int:
        return self.num_prompts * self.num_samples


class GenerationChunk(ModelJob):
    """Which (prompt, sample) pairs one call of the model makes; fixed at launch, so a rerun is the same call."""

    task_name = "annotation.generate_chunk"
    server_task_name = "annotation.generate_chunk_on_server"
    whole = "batch"

    batch = models.ForeignKey(GenerationBatch, on_delete=models.CASCADE, related_name="chunks")
    index = models.PositiveIntegerField()
    prompt_ids = ArrayField(models.BigIntegerField())
    sample_indexes = ArrayField(models.PositiveSmallIntegerField())
    failures = models.JSONField(
        default=list, help_text="[{prompt_id, sample_index, reason}]: items that made no trace."
    )

    class Meta(Job.Meta):
        ordering = ["batch", "index"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["batch", "index"], name="generation_chunk_once_per_index"),
            models.CheckConstraint(
                condition=Q(prompt_ids__len=models.F("sample_indexes__len"), prompt_ids__len__gte=1),
                name="generation_chunk_pairs_match",
            ),
        ]

    def __str__(self) -> str:
        return f"chunk {self.index} of batch {self.batch_id}"

    def fail_items(self, reason: str) -> list[str]:
        """See `Job.fail_items`. Its traces are stored with its end, so an unfinished chunk has made none."""
        pairs = zip(self.prompt_ids, self.sample_indexes, strict=True)
        self.failures = [
            {"prompt_id": prompt_id, "sample_index": sample_index, "reason": reason}
            for prompt_id, sample_index in pairs
        ]
        return ["failures"]
