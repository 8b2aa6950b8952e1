"""The comparison form: which of two traces is better."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from annotation.actions.comparisons import MAX_NOTE_CHARACTERS, Side

SKIP = "skip"


class PairForm(forms.Form):
    """Which traces lie where; also the query of the page's address."""

    left = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    right = forms.IntegerField(min_value=1, max_value=2**63 - 1)


class ComparisonForm(PairForm):
    choice = forms.ChoiceField(
        choices=[*((side.value, side.value) for side in Side), (SKIP, SKIP)],
        error_messages={
            "required": gettext_lazy("Choose left, right, a tie or both bad."),
            "invalid_choice": gettext_lazy("Choose left, right, a tie or both bad."),
        },
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE_CHARACTERS,
        error_messages={"max_length": f"A note has at most {MAX_NOTE_CHARACTERS:,} characters."},
    )

    @property
    def is_skip(self) -> bool:
        return bool(self.cleaned_data["choice"] == SKIP)

    def side(self) -> Side:
        """The choice; call it on a valid form that is no skip."""
        return Side(self.cleaned_data["choice"])
