"""What an admin says of a project's test, and of which gold is practised on."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.actions.qualification import QualificationRules
from annotation.models import GoldUse


class QualificationForm(forms.Form):
    """The test that lets raters in."""

    needs_qualification = forms.BooleanField(
        required=False, label="Raters pass a test before they are handed work"
    )
    qualification_traces = forms.IntegerField(
        label="Traces in the test",
        min_value=1,
        max_value=100,
        help_text="Drawn for each attempt from those set aside for it.",
    )
    pass_percent = forms.IntegerField(
        label="Pass mark in percent",
        min_value=0,
        max_value=100,
        help_text="Of the traces in a test, how many a rater must find the first error of (or that there is none).",
    )
    qualification_attempts = forms.IntegerField(
        label="Attempts",
        min_value=1,
        max_value=20,
        help_text="How often a rater may take it. Raise the number to give everybody another one.",
    )

    def __init__(self, data: Any = None, *, rules: QualificationRules) -> None:
        initial = {
            "needs_qualification": rules.needs_qualification,
            "qualification_traces": rules.qualification_traces,
            "pass_percent": round(100 * rules.qualification_pass_mark),
            "qualification_attempts": rules.qualification_attempts,
        }
        super().__init__(data, initial=initial)

    def rules(self) -> QualificationRules:
        """What was sent; call it on a valid form."""
        sent = self.cleaned_data
        return QualificationRules(
            needs_qualification=sent["needs_qualification"],
            qualification_traces=sent["qualification_traces"],
            qualification_pass_mark=sent["pass_percent"] / 100,
            qualification_attempts=sent["qualification_attempts"],
        )


class GoldUseForm(forms.Form):
    """Ticked gold traces, and what they are to be used for."""

    use = forms.ChoiceField(
        choices=GoldUse.choices,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what they are for."),
    )
    traces = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={
            "required": "Tick at least one trace.",
            "invalid_choice": "One of these traces is no gold of this project any more. Look again and repeat.",
        },
    )

    def __init__(self, data: Any, *, trace_ids: list[int]) -> None:
        super().__init__(data)
        self.fields["traces"].choices = [(trace_id, trace_id) for trace_id in trace_ids]  # type: ignore[attr-defined]
