"""What a source is, and what its columns mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from annotation.actions.imports import ImportPlan
from annotation.importing.file_rows import FORMATS, find_format
from annotation.importing.hub_names import check_name
from annotation.importing.layouts import LAYOUTS, guess_layout, guess_mapping
from annotation.importing.rows import SourceUnreadable, list_columns, read_sample
from annotation.models import ImportSource
from annotation.rules.segmentation import DEFAULT_SEGMENTER, SEGMENTERS
from rl_bridge.verifiers import VERIFIERS


class UploadSourceForm(forms.Form):
    """A file of rows, no larger than the limit."""

    file = forms.FileField(label="File", widget=forms.ClearableFileInput(attrs={"accept": ",".join(FORMATS)}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.fields["file"].error_messages["empty"] = "The file is empty."
        self.fields["file"].error_messages["required"] = "Choose a file."

    def clean_file(self) -> UploadedFile[bytes]:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            limit, size = settings.UPLOAD_LIMIT_BYTES / 2**20, (file.size or 0) / 2**20
            raise forms.ValidationError(
                f"The file is {size:.0f} MB; at most {limit:.0f} MB are taken at a time. Split it into smaller files."
            )
        try:
            find_format(file.name or "")
        except SourceUnreadable as error:
            raise forms.ValidationError(str(error)) from error
        return file


class HubSourceForm(forms.Form):
    """A Hugging Face data set, by its name or a folder on the server."""

    name = forms.CharField(
        label="Data set",
        max_length=200,
        help_text="As the hub calls it, for example “openai/gsm8k”, or a folder on the server that begins with “/”.",
    )
    config = forms.CharField(
        label="Configuration", required=False, max_length=200, help_text="Where it has several: “main”."
    )
    split = forms.CharField(label="Split", max_length=80, initial="train")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            check_name(name)
        except SourceUnreadable as error:
            raise forms.ValidationError(str(error)) from error
        return name


class ImportForm(forms.Form):
    """What the columns of a source mean. Its fields follow the layout: `column_<field>` for each that is mapped."""

    layout = forms.ChoiceField(choices=[(layout.key, layout.title) for layout in LAYOUTS.values()])

    shown_layout = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, said: QueryDict | None, *, source: ImportSource) -> None:
        """said: the form as it was sent. Where the layout was just changed, its other fields are another layout's, and
        the new one's start from guesses."""
        self.source = source
        self.sample = read_sample(source.sample)
        self.columns = list_columns(source.columns, self.sample)
        named = LAYOUTS.get(said.get("layout", "")) if said else None
        self.chosen = named or guess_layout(source.columns, self.sample)
        is_as_shown = said is not None and said.get("shown_layout") == self.chosen.key
        super().__init__(said if is_as_shown else None, label_suffix="")
        self.fields["layout"].initial = self.fields["shown_layout"].initial = self.chosen.key
        self.fields["layout"].help_text = self.chosen.description
        self._add_columns()
        self._add_options()

    def column_fields(self) -> list[forms.BoundField]:
        return [self[f"column_{field.name}"] for field in self.chosen.fields]

    def option_fields(self) -> list[forms.BoundField]:
        names = ("verifier", "segmenter", "model_name", "rater_name", "max_rows", "is_all_or_nothing")
        return [self[name] for name in names if name in self.fields]

    def mapping(self) -> dict[str, str]:
        """Field → column, as the form stands: chosen, or guessed where nothing is chosen yet."""
        if not self.is_bound:
            return guess_mapping(self.chosen, self.source.columns)
        chosen = {field.name: self.data.get(f"column_{field.name}", "") for field in self.chosen.fields}
        return {name: column for name, column in chosen.items() if column}

    def plan(self) -> ImportPlan:
        """What a valid form says."""
        said = self.cleaned_data
        return ImportPlan(
            layout=self.chosen.key,
            mapping=self.mapping(),
            verifier=said.get("verifier", ""),
            segmenter=said.get("segmenter", ""),
            model_name=said.get("model_name", ""),
            rater_name=said.get("rater_name", ""),
            max_rows=said.get("max_rows"),
            is_all_or_nothing=said.get("is_all_or_nothing", False),
        )

    def _add_columns(self) -> None:
        columns = [(name, name) for name in self.columns]
        guessed = guess_mapping(self.chosen, self.source.columns)
        for field in self.chosen.fields:
            self.fields[f"column_{field.name}"] = forms.ChoiceField(
                label=field.label,
                required=field.is_needed,
                choices=[("", "no column"), *columns],
                initial=guessed.get(field.name, ""),
                error_messages={"required": f"Say which column is the {field.label.lower()}."},
            )

    def _add_options(self) -> None:
        if self.chosen.fields:
            self.fields["verifier"] = forms.ChoiceField(
                label="Verifier for rows that name none",
                required=False,
                choices=[("", "none"), *((name, name) for name in VERIFIERS)],
                help_text="Compares a model's final answer with the reference answer.",
            )
        if self.chosen.has_traces:
            self._add_trace_options()
        if self.chosen.has_labels:
            self.fields["rater_name"] = forms.CharField(
                label="Whose ratings the labels become",
                max_length=100,
                initial=self.chosen.title if self.chosen.columns else Path(self.source.name).stem[:100],
                help_text="They are stored as this rater's, marked as imported. Nobody can sign in as them.",
            )
        self.fields["max_rows"] = forms.IntegerField(
            label="Rows at most",
            required=False,
            min_value=1,
            max_value=2**31 - 1,
            help_text="All where empty.",
        )
        self.fields["is_all_or_nothing"] = forms.BooleanField(
            label="Store nothing if any row is refused", required=False
        )

    def _add_trace_options(self) -> None:
        self.fields["segmenter"] = forms.ChoiceField(
            label="Segmenter",
            choices=[(name, name) for name in SEGMENTERS],
            initial=DEFAULT_SEGMENTER,
            help_text="Cuts completions that come without steps.",
        )
        self.fields["model_name"] = forms.CharField(
            label="Model, for rows that name none",
            required=False,
            max_length=120,
            help_text="Whose completions these are, as far as you know.",
        )
