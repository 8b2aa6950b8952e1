"""What a batch is to make."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from annotation.actions.batches import BatchSettings
from annotation.models import GenerationBatch, ModelSpec, Project
from annotation.queries.imports import list_bringers
from annotation.queries.prompts import PromptChoice, Which
from annotation.rules.prompt_template import DEFAULT_TEMPLATE, BadTemplate, check_template
from annotation.rules.segmentation import DEFAULT_SEGMENTER, SEGMENTERS

_UNTRACED, _OF_IMPORT = "untraced", "import-"


class BatchField(forms.ModelChoiceField):  # type: ignore[type-arg]  # can't be subscripted at run time
    """Chooses one of a project's batches."""

    def label_from_instance(self, obj: GenerationBatch) -> str:
        return f"Batch {obj.pk}"


def has_price(spec: ModelSpec) -> bool:
    return bool(spec.price_per_million_prompt_tokens or spec.price_per_million_tokens)


class LaunchBatchForm(forms.Form):
    """Model, prompts, sampling, template and segmenter of a batch."""

    model_spec = forms.ModelChoiceField(ModelSpec.objects.none(), label="Model", empty_label=None)
    pool = forms.ChoiceField(label="Prompts", required=False)
    which = forms.ChoiceField(
        label="Of these",
        choices=[(Which.ALL, "All of them"), (Which.FIRST, "The first …"), (Which.RANDOM, "A random …")],
        initial=Which.FIRST,
    )
    num_prompts = forms.IntegerField(
        label="How many prompts",
        min_value=1,
        max_value=100_000,
        initial=20,
        help_text="Unless all are taken.",
    )
    num_samples = forms.IntegerField(
        label="Candidates for each prompt", min_value=1, max_value=256, initial=2
    )
    temperature = forms.FloatField(
        label="Temperature",
        min_value=0,
        max_value=2,
        initial=0.8,
        help_text="0 always takes the likeliest token.",
    )
    top_p = forms.FloatField(
        label="Top-p",
        min_value=0.01,
        max_value=1,
        initial=0.95,
        help_text="Draws from the likeliest tokens that add up to this probability.",
    )
    max_new_tokens = forms.IntegerField(
        label="Most tokens", min_value=1, max_value=32_768, initial=192, help_text="In each completion."
    )
    seed = forms.IntegerField(
        label="Seed",
        min_value=0,
        max_value=2**31 - 1,
        initial=1,
        help_text="The same seed gives the same texts.",
    )
    prompt_template = forms.CharField(
        label="Prompt template",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        initial=DEFAULT_TEMPLATE,
        strip=False,
        help_text="What the model is told; {prompt} stands for the prompt's text.",
    )
    segmenter = forms.ChoiceField(
        label="Segmenter",
        choices=[(name, f"{name}: {segmenter.description}") for name, segmenter in SEGMENTERS.items()],
        initial=DEFAULT_SEGMENTER,
    )

    token_budget = forms.IntegerField(
        label="Token budget",
        min_value=1,
        max_value=10**12,
        required=False,
        help_text="Read and written together. The batch pauses there; empty: no limit.",
    )
    money_budget = forms.DecimalField(
        label="Money budget, in $",
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        required=False,
        help_text="At the model's price. The batch pauses there; empty: no limit.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self._offer_pools(project)
        specs = ModelSpec.objects.generating()
        field = self.fields["model_spec"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = specs
        field.initial = specs.first()
        for name in ("temperature", "top_p"):
            self.fields[name].widget.attrs["step"] = "0.01"

    def _offer_pools(self, project: Project) -> None:
        """One that an address asked for and that there is not is nobody's fault: then it is the whole project."""
        imports = [
            (f"{_OF_IMPORT}{run.pk}", f"Of import {run.pk}: {run.source.name[:60]}")
            for run in list_bringers(project)
        ]
        pool = self.fields["pool"]
        assert isinstance(pool, forms.ChoiceField)
        pool.choices = [("", "Of the whole project"), (_UNTRACED, "Without a trace yet"), *imports]
        if self.initial.get("pool") not in {value for value, _ in imports} | {_UNTRACED}:
            self.initial.pop("pool", None)

    def clean_prompt_template(self) -> str:
        # A browser sends line ends as CRLF; the model gets them as they were written.
        template: str = self.cleaned_data["prompt_template"].replace("\r\n", "\n")
        try:
            check_template(template)
        except BadTemplate as error:
            raise forms.ValidationError(str(error)) from error
        return template

    def clean(self) -> dict[str, Any]:
        spec = self.cleaned_data.get("model_spec")
        if self.cleaned_data.get("money_budget") and spec and not has_price(spec):
            self.add_error("money_budget", f"{spec.name} has no price, so it never uses money up.")
        return self.cleaned_data

    def chosen_settings(self) -> BatchSettings:
        """The settings of a valid form."""
        names = (
            "model_spec",
            "num_samples",
            "temperature",
            "top_p",
            "max_new_tokens",
            "seed",
            "prompt_template",
            "segmenter",
            "token_budget",
            "money_budget",
        )
        return BatchSettings(**{name: self.cleaned_data[name] for name in names})

    def chosen_prompts(self) -> PromptChoice:
        """Which prompts a valid form means."""
        pool: str = self.cleaned_data["pool"]
        return PromptChoice(
            which=Which(self.cleaned_data["which"]),
            count=self.cleaned_data["num_prompts"],
            seed=self.cleaned_data["seed"],
            is_untraced=pool == _UNTRACED,
            import_id=int(pool.removeprefix(_OF_IMPORT)) if pool.startswith(_OF_IMPORT) else None,
        )
