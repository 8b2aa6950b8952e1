"""Which language model makes completions, and how to reach it."""

from django.db import models
from django.db.models import Q


class Backend(models.TextChoices):
    TRANSFORMERS = "transformers", "transformers, in the worker"


class ModelSpec(models.Model):
    name = models.CharField(max_length=120, unique=True)
    backend = models.CharField(max_length=20, choices=Backend, default=Backend.TRANSFORMERS)
    location = models.CharField(
        max_length=400,
        help_text='A folder, a hub name, or "shipped" for the model that comes with the product.',
    )
    revision = models.CharField(max_length=80, blank=True)
    note = models.TextField(
        blank=True, help_text="What people should know before they trust it; shown wherever it is."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(backend__in=Backend.values), name="model_spec_backend_is_known"
            )
        ]

    def __str__(self) -> str:
        return self.name
