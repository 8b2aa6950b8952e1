"""How a merge is to be run."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.merging.data import MergePolicy

POLICIES = [
    ("chain", "Chain: learns how reliable each rater is, and uses judges where they are calibrated"),
    ("human_only", "People only: the same, with every judge left out"),
    ("majority", "Majority: the share of raters who let a step stand; needs no model, knows no reliability"),
]
RECOVERIES = [
    ("off", "Off: after an error, nothing stands any more"),
    ("learned", "Learned: a trace may correct itself and stand again"),
]


class MergeForm(forms.Form):
    """A merge policy."""

    policy = forms.ChoiceField(choices=POLICIES, initial="chain", label="Policy")
    recovery = forms.ChoiceField(
        choices=RECOVERIES,
        initial="off",
        label="Recovery",
        help_text="Learned suits long traces, and raters who go on after the first error.",
    )
    use_verdict = forms.BooleanField(
        required=False,
        label="Judges may use the verifier's verdict on the final answer",
        help_text="It sharpens the judges, and lets the outcome leak into the labels of the steps.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def policy_chosen(self) -> MergePolicy:
        """The policy of a valid form."""
        return MergePolicy(
            name=self.cleaned_data["policy"],
            recovery=self.cleaned_data["recovery"],
            use_verdict=self.cleaned_data["use_verdict"],
        )
