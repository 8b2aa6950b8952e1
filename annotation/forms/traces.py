"""Which traces are listed, and how one is cut anew."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.forms.batches import BatchField
from annotation.models import GenerationBatch, Project
from annotation.queries.traces import TraceFilter, list_model_names
from annotation.rules.segmentation import DEFAULT_SEGMENTER, SEGMENTERS

_YES_OR_NO = {"yes": True, "no": False}


class TraceFilterForm(forms.Form):
    """Filters of the list of traces; what is not valid is left out."""

    batch = BatchField(GenerationBatch.objects.none(), required=False, empty_label="Any batch")
    model = forms.ChoiceField(required=False)
    judged = forms.ChoiceField(
        required=False, choices=[("", "Judged or not"), ("yes", "Judged"), ("no", "Not judged")]
    )
    rated = forms.ChoiceField(
        required=False, choices=[("", "Rated or not"), ("yes", "Rated"), ("no", "Not rated")]
    )
    answer = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Any answer"),
            ("right", "Right answer"),
            ("wrong", "Wrong answer"),
            ("unknown", "Not checked"),
        ],
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        batch, model = self.fields["batch"], self.fields["model"]
        assert isinstance(batch, forms.ModelChoiceField)
        assert isinstance(model, forms.ChoiceField)
        batch.queryset = GenerationBatch.objects.filter(project=project)
        model.choices = [("", "Any model"), *((name, name) for name in list_model_names(project))]
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = name.capitalize()

    def wanted(self) -> TraceFilter:
        """The filters that are valid."""
        self.is_valid()
        cleaned = self.cleaned_data
        return TraceFilter(
            batch=cleaned.get("batch"),
            model_name=cleaned.get("model", ""),
            is_judged=_YES_OR_NO.get(cleaned.get("judged", "")),
            is_rated=_YES_OR_NO.get(cleaned.get("rated", "")),
            answer=cleaned.get("answer", ""),
        )


class ResegmentForm(forms.Form):
    """The segmenter that is to cut a trace anew."""

    segmenter = forms.ChoiceField(
        label="Segmenter",
        label_suffix="",
        choices=[(name, f"{name}: {segmenter.description}") for name, segmenter in SEGMENTERS.items()],
        initial=DEFAULT_SEGMENTER,
    )
