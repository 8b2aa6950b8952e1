"""Picking an alternative to a step, or writing the step."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from annotation.rules.draft import MAX_REWRITE_CHARACTERS


class RewriteForm(forms.Form):
    """The number of an offered alternative (its button), or a text of one's own."""

    alternative = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_REWRITE_CHARACTERS,
        label=gettext_lazy("Write the step"),
        help_text=gettext_lazy("As the model should have written it: one step, going on from those before."),
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )
