"""A language model or process reward model that a site admin adds, and the terms it is used on."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings

from annotation.actions.model_specs import ModelPlace, ModelTerms
from annotation.models import Backend, ModelSpec
from annotation.models.model_spec import SERVERS
from annotation.rules.server_addresses import (
    BadAddress,
    find_fault,
    find_host_fault,
    find_ip,
    normalise_address,
)

# The worker sends what the variable holds to the server: no other secret of the installation ends like this.
_KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,70}_API_KEY")
_HUB_NAME = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?")


class ModelTermsForm(forms.Form):
    """What of a model may change."""

    TERMS = (
        "key_variable",
        "price_per_million_prompt_tokens",
        "price_per_million_tokens",
        "max_in_flight",
        "timeout_seconds",
        "note",
    )

    key_variable = forms.CharField(
        label="Variable with the key",
        required=False,
        max_length=80,
        help_text="Name of the environment variable, ending in _API_KEY, that holds the server's key where the worker "
        "for servers runs. The key itself is never stored. Empty: no key.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    price_per_million_prompt_tokens = forms.DecimalField(
        label="Price of a million tokens read, in $", min_value=0, max_digits=12, decimal_places=4, initial=0
    )
    price_per_million_tokens = forms.DecimalField(
        label="Price of a million tokens written, in $",
        min_value=0,
        max_digits=12,
        decimal_places=4,
        initial=0,
    )
    max_in_flight = forms.IntegerField(
        label="Requests at a time",
        min_value=1,
        max_value=1024,
        initial=32,
        help_text="On the way to the server from one worker.",
    )
    timeout_seconds = forms.IntegerField(
        label="Patience, in seconds", min_value=1, max_value=3600, initial=120, help_text="For one answer."
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What people should know before they trust it; shown wherever it is.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    @classmethod
    def initial_of(cls, spec: ModelSpec) -> dict[str, Any]:
        return {name: getattr(spec, name) for name in cls.TERMS}

    def clean_key_variable(self) -> str:
        name: str = self.cleaned_data["key_variable"].strip()
        if name and not _KEY_VARIABLE.fullmatch(name):
            raise forms.ValidationError(
                "This is the name of a variable, in capitals and ending in _API_KEY, as in GPU1_API_KEY. "
                "Don't put the key itself here."
            )
        return name

    def terms(self) -> ModelTerms:
        """What a valid form says."""
        return ModelTerms(**{name: self.cleaned_data[name] for name in self.TERMS})


class AddModelForm(ModelTermsForm):
    """What it is and where, and the terms."""

    name = forms.CharField(max_length=120, help_text="What people choose it by.")
    backend = forms.ChoiceField(
        label="Kind", choices=Backend.choices, widget=forms.RadioSelect, initial="server"
    )
    location = forms.CharField(
        label="Model",
        max_length=400,
        help_text="In the worker: a folder, a .gguf file, or a name on the Hugging Face hub. On a server: the name it "
        "serves the model by.",
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    address = forms.CharField(
        required=False,
        max_length=400,
        help_text="Of a server's API, as in http://gpu1:8000/v1. vLLM, Text Generation Inference, llama.cpp's server, "
        "or any other that speaks OpenAI's protocol; for a process reward model what rl_bridge's “serve” printed.",
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
    )

    field_order = ("name", "backend", "location", "address")

    def clean_address(self) -> str:
        typed = self.cleaned_data["address"].strip()
        if not typed:
            return ""
        try:
            address = normalise_address(typed)
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from error
        ip, only = find_ip(address), settings.SERVERS_ALLOWED
        if ip is None:
            fault = find_host_fault(urlsplit(address).hostname or "", only)
        else:
            fault = find_fault(ip, settings.SERVER_NETWORKS, only=only)
        if fault:
            raise forms.ValidationError(fault)
        return address

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        is_server = data.get("backend") in SERVERS
        if is_server and not data.get("address") and "address" not in self.errors:
            self.add_error("address", "A server needs an address.")
        if not is_server and data.get("address"):
            self.add_error(
                "address", "Only a server has an address; leave it empty, or choose the other kind."
            )
        if not is_server and data.get("key_variable"):
            self.add_error("key_variable", "Only a server needs a key; leave it empty.")
        location = data.get("location", "").strip()
        data["location"] = location
        if location and not is_server and not _names_a_model(location, data.get("backend", "")):
            self.add_error("location", "This is no folder (they begin with “/”) and no name on the hub.")
        return data

    def place(self) -> ModelPlace:
        """What a valid form says."""
        data = self.cleaned_data
        return ModelPlace(
            name=data["name"],
            backend=Backend(data["backend"]),
            location=data["location"],
            address=data["address"],
        )


def _names_a_model(location: str, backend: str) -> bool:
    """Whether the words may be a model's place; whether it is there, only the worker can see."""
    if "\x00" in location:
        return False
    return location.startswith("/") or (
        backend == Backend.TRANSFORMERS and bool(_HUB_NAME.fullmatch(location))
    )
