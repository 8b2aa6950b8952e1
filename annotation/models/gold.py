"""Gold: a trace whose step labels are known. Raters can't tell it from the others."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.trace import Trace


class GoldSource(models.TextChoices):
    IMPORTED = "imported", "Imported"
    ADJUDICATED = "adjudicated", "Adjudicated"


class GoldUse(models.TextChoices):
    """A trace that raters practise on is never mixed into work too: they have seen its answer, or will."""

    WORK = "work", "Mixed into work"
    TUTORIAL = "tutorial", "Tutorial"
    TEST = "test", "Qualification test"


class Gold(models.Model):
    trace = models.OneToOneField(Trace, on_delete=models.CASCADE)
    stands = ArrayField(models.BooleanField(), help_text="Whether each step stands, one a step.")
    source = models.CharField(max_length=12, choices=GoldSource, default=GoldSource.IMPORTED)
    use = models.CharField(max_length=8, choices=GoldUse, default=GoldUse.WORK)
    note = models.TextField(blank=True, help_text="Why; a tutorial shows it with its feedback.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "gold"
        constraints = [
            models.CheckConstraint(condition=Q(source__in=GoldSource.values), name="gold_source_is_known"),
            models.CheckConstraint(condition=Q(use__in=GoldUse.values), name="gold_use_is_known"),
        ]

    def __str__(self) -> str:
        return f"gold for trace {self.trace_id}"
