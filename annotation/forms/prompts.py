"""Prompts that reasoning-gym makes."""

from __future__ import annotations

from typing import Any

from django import forms

from annotation.actions.procedural import DATA_SETS, MOST_PROBLEMS, DataSet, find_data_set

_OTHER = "other"


class MakePromptsForm(forms.Form):
    """Which problems reasoning-gym is to make."""

    data_set = forms.ChoiceField(
        label="Problems",
        choices=[
            *((known.key, known.title) for known in DATA_SETS),
            (_OTHER, "Another data set, by its name"),
        ],
    )
    other_name = forms.RegexField(
        r"^[a-z0-9_]{1,60}$",
        required=False,
        label="Name of the other data set",
        help_text="As reasoning-gym calls it, for example “coin_flip” or “base_conversion”.",
        error_messages={"invalid": "A name holds small letters, digits and underscores."},
    )
    count = forms.IntegerField(label="How many", min_value=1, max_value=MOST_PROBLEMS, initial=50)
    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=2**31 - 1,
        initial=1,
        help_text="The same seed makes the same problems.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if (
            cleaned.get("data_set") == _OTHER
            and not cleaned.get("other_name")
            and "other_name" not in self.errors
        ):
            self.add_error("other_name", "Say which data set.")
        return cleaned

    def chosen_data_set(self) -> DataSet:
        """The data set of a valid form."""
        key = self.cleaned_data["data_set"]
        return find_data_set(self.cleaned_data["other_name"] if key == _OTHER else key)
