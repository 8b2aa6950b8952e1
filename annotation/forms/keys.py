"""A rater's own keys for the rating page: one field a command, "1 b" for two keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext

from annotation.rules.key_bindings import COMMANDS, Bindings, InvalidKeys, keys_of, parse_keys, show_key


class KeysForm(forms.Form):
    """Unbound it shows the keys of `bindings`."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, bindings: Bindings) -> None:
        super().__init__(data)
        shown = keys_of(bindings)
        for command in COMMANDS:
            self.fields[command.name] = forms.CharField(
                label=gettext(command.title),
                required=False,
                max_length=60,
                initial=" ".join(show_key(key) for key in shown[command.name]),
                widget=forms.TextInput(
                    attrs={"autocapitalize": "off", "spellcheck": "false", "data-keys": ""}
                ),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self._bindings = parse_keys(cleaned)
            except InvalidKeys as error:
                self.add_error(error.command, str(error))
        return cleaned

    def bindings(self) -> Bindings:
        """What differs from the defaults; call it on a valid form."""
        return self._bindings
