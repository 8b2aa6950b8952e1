"""Which judge is to score which traces."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.forms.batches import BatchField
from annotation.models import GenerationBatch, Judge, Project


class LaunchJudgeRunForm(forms.Form):
    """A judge, and one batch or all traces."""

    judge = forms.ModelChoiceField(Judge.objects.none(), label="Judge", empty_label=None)
    batch = BatchField(
        GenerationBatch.objects.none(),
        label="Traces",
        required=False,
        empty_label="All traces of the project",
    )

    def __init__(self, *args: Any, project: Project, judges: list[Judge], **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        judge, batch = self.fields["judge"], self.fields["batch"]
        assert isinstance(judge, forms.ModelChoiceField)
        assert isinstance(batch, forms.ModelChoiceField)
        judge.queryset = Judge.objects.filter(pk__in=[judge.pk for judge in judges])
        batch.queryset = GenerationBatch.objects.filter(project=project)
