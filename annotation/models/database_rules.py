"""Database functions that constraints call, as Django expressions.

The functions are created in the first migration. They are IMMUTABLE and look only at their arguments.
"""

from typing import Any

from django.db import models


class StepsAreLossless(models.Func):
    """True where step ends rise strictly from above 0 to the completion's length (in characters)."""

    function = "gradus_steps_are_lossless"
    output_field = models.BooleanField()
    conditional = True

    def __init__(self, step_ends: str = "step_ends", completion: str = "completion", **extra: Any) -> None:
        super().__init__(models.F(step_ends), models.F(completion), **extra)


class LabelsAreRatings(models.Func):
    """True where every element is -1, 0, +1 or NULL."""

    function = "gradus_labels_are_ratings"
    output_field = models.BooleanField()
    conditional = True

    def __init__(self, labels: str = "labels", **extra: Any) -> None:
        super().__init__(models.F(labels), **extra)


class AreProbabilities(models.Func):
    """True where every element lies in [0, 1] or is NULL (NaN is refused)."""

    function = "gradus_are_probabilities"
    output_field = models.BooleanField()
    conditional = True

    def __init__(self, values: str, **extra: Any) -> None:
        super().__init__(models.F(values), **extra)
