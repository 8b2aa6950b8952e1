"""What a person says about a new API token."""

from __future__ import annotations

import datetime as dt

from django import forms


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What it is for, so that you can tell it from others.")
    can_write = forms.TypedChoiceField(
        label="May",
        choices=[("no", "Read only"), ("yes", "Read and write")],
        coerce=lambda value: value == "yes",
        help_text="Either way it can do no more than you can.",
    )
    valid_days = forms.TypedChoiceField(
        label="Works for",
        choices=[("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "1 year")],
        initial="90",
        coerce=int,
    )

    def expires_at(self, now: dt.datetime) -> dt.datetime:
        return now + dt.timedelta(days=self.cleaned_data["valid_days"])
