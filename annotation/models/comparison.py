"""A comparison: one rater's choice between two traces of one prompt."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotation.models.prompt import Prompt
from annotation.models.trace import Trace


class Choice(models.TextChoices):
    A = "a", "A is better"
    B = "b", "B is better"
    TIE = "tie", "A tie"
    BOTH_BAD = "both_bad", "Both are bad"


class Comparison(models.Model):
    """`trace_a` has the lower id, so a pair has one order; `is_swapped` says that b was shown on the left."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE)
    trace_a = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="+")
    trace_b = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="+")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comparisons")
    choice = models.CharField(max_length=8, choices=Choice)
    is_swapped = models.BooleanField()
    note = models.TextField(blank=True)
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["trace_a", "trace_b", "rater"], name="comparison_once_per_rater"),
            models.CheckConstraint(condition=Q(trace_a__lt=F("trace_b")), name="comparison_pair_is_ordered"),
            models.CheckConstraint(condition=Q(choice__in=Choice.values), name="comparison_choice_is_known"),
        ]

    def __str__(self) -> str:
        return f"comparison {self.pk}"
