"""How a trace is cut anew."""

from __future__ import annotations

from django import forms

from annotation.rules.segmentation import DEFAULT_SEGMENTER, SEGMENTERS


class ResegmentForm(forms.Form):
    """The segmenter that is to cut a trace anew."""

    segmenter = forms.ChoiceField(
        label="Segmenter",
        label_suffix="",
        choices=[(name, f"{name}: {segmenter.description}") for name, segmenter in SEGMENTERS.items()],
        initial=DEFAULT_SEGMENTER,
    )
