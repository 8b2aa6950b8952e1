"""The models there are, and how they are used."""

from __future__ import annotations

from typing import cast

from django.db.models import Count, F, QuerySet

from annotation.models import ModelSpec, ModelTrial


def list_model_specs_with_use() -> QuerySet[ModelSpec]:
    """All models, those in use first, with `num_batches` and `num_judges`."""
    counted = ModelSpec.objects.annotate(
        num_batches=Count("generationbatch", distinct=True), num_judges=Count("judge", distinct=True)
    )
    return counted.order_by(F("retired_at").asc(nulls_first=True), "name")


def find_latest_trial(spec: ModelSpec) -> ModelTrial | None:
    return cast("QuerySet[ModelTrial]", ModelTrial.objects.filter(model_spec=spec)).order_by("-pk").first()
