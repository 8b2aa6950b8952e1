"""Which language model makes completions or scores steps, and how to reach it; and a trial of one."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotation.models.job import Job, ModelJob


class Backend(models.TextChoices):
    TRANSFORMERS = "transformers", "Language model, in the worker"
    SERVER = "server", "Language model, on a server"
    PRM = "prm", "Process reward model, in the worker"
    PRM_SERVER = "prm_server", "Process reward model, on a server"


SERVERS = (Backend.SERVER, Backend.PRM_SERVER)


class ModelSpecQuerySet(models.QuerySet["ModelSpec"]):
    def usable(self) -> "ModelSpecQuerySet":
        """Leaves out those that were retired."""
        return self.filter(retired_at__isnull=True)

    def generating(self) -> "ModelSpecQuerySet":
        """Those that write text."""
        return self.usable().filter(backend__in=(Backend.TRANSFORMERS, Backend.SERVER))


class ModelSpec(models.Model):
    """What a trace or a score was made with never changes: another model is another row."""

    name = models.CharField(max_length=120, unique=True)
    backend = models.CharField(max_length=20, choices=Backend, default=Backend.TRANSFORMERS)
    location = models.CharField(
        max_length=400,
        help_text='A folder, a GGUF file, a hub name, "shipped" for what comes with the product; for a server '
        "the name that it serves the model by.",
    )
    revision = models.CharField(
        max_length=80, blank=True, help_text="What identifies the weights; known once they were opened."
    )
    address = models.CharField(
        max_length=400, blank=True, help_text="Where a server's API is, as in http://gpu1:8000/v1."
    )
    key_variable = models.CharField(
        max_length=80, blank=True, help_text="Name of the environment variable that holds the server's key."
    )
    price_per_million_prompt_tokens = models.DecimalField(
        max_digits=12, decimal_places=4, default=Decimal(0), help_text="In US dollars."
    )
    price_per_million_tokens = models.DecimalField(
        max_digits=12, decimal_places=4, default=Decimal(0), help_text="Of those it writes, in US dollars."
    )
    max_in_flight = models.PositiveSmallIntegerField(
        default=32,
        validators=[MinValueValidator(1), MaxValueValidator(1024)],
        help_text="How many requests one worker has on the way to a server at a time.",
    )
    timeout_seconds = models.PositiveSmallIntegerField(
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text="How long a server may take for one request.",
    )
    note = models.TextField(
        blank=True, help_text="What people should know before they trust it; shown wherever it is."
    )
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = ModelSpecQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(backend__in=Backend.values), name="model_spec_backend_is_known"
            ),
            models.CheckConstraint(
                condition=Q(backend__in=SERVERS) & ~Q(address="")
                | ~Q(backend__in=SERVERS) & Q(address="", key_variable=""),
                name="model_spec_servers_have_an_address",
            ),
            models.CheckConstraint(
                condition=Q(price_per_million_prompt_tokens__gte=0, price_per_million_tokens__gte=0),
                name="model_spec_prices_are_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(max_in_flight__gte=1, timeout_seconds__gte=1),
                name="model_spec_limits_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_server(self) -> bool:
        return self.backend in SERVERS


class ModelTrial(ModelJob):
    """One short answer asked of a model, to see whether it can be reached and what it says."""

    task_name = "annotation.try_model"
    server_task_name = "annotation.try_model_on_server"

    model_spec = models.ForeignKey(ModelSpec, on_delete=models.CASCADE, related_name="trials")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    text = models.TextField(help_text="What the model was told.")
    answer = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    mean_logprob = models.FloatField(null=True, blank=True)

    class Meta(Job.Meta):
        ordering = ["-queued_at"]

    def __str__(self) -> str:
        return f"trial {self.pk} of {self.model_spec_id}"
