"""What a person chooses for an export; every default is the policy's own."""

from __future__ import annotations

import dataclasses
from typing import Any

from django import forms
from django.http import QueryDict

from annotation.merging.data import MergePolicy
from annotation.models import Account, JobState, MergeRun, Project
from annotation.queries.merges import list_merge_runs
from exports.card import READERS
from exports.choices import (
    count_traces_with_raters,
    list_batch_choices,
    list_languages,
    list_model_names,
    list_other_projects,
)
from exports.models import Export, FileFormat, Form
from exports.policy import CONFIGS, LOWEST_P_PREFERENCE, BadPolicy, ExportPolicy, read_policy

MERGES_OFFERED = 20
ENOUGH_RATED_TWICE = 10
"""From so many traces with two raters on, the form asks for two; a younger project would get next to nothing."""
FRESH = [
    ("fresh:chain", "Merge everything said so far first, chain policy"),
    ("fresh:human_only", "Merge first, people only: judges are left out"),
    ("fresh:majority", "Merge first, majority: the plain share of raters"),
]
_POLICY = ExportPolicy()
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_CONFIG_CHOICES = [(config, READERS[config]) for config in CONFIGS]
_EVIDENCE_CHOICES = [
    ("human", "People"),
    ("hybrid", "People and calibrated judges"),
    ("ai", "Calibrated judges alone (train only)"),
]


class ExportForm(forms.Form):
    """An export's choices. Always bound, to what was sent or to the defaults, so that a preview can be made of it."""

    merge = forms.ChoiceField(label="Labels from")
    configs = forms.MultipleChoiceField(
        choices=_CONFIG_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        label="Datasets",
        error_messages={"required": "Choose at least one dataset."},
    )
    form = forms.ChoiceField(choices=Form, label="Form")
    file_format = forms.ChoiceField(choices=FileFormat, label="Files")
    other_projects = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Labels of these projects too",
        help_text="Of each, its latest merge by the same policy (or a fresh one). Splits go over all prompts.",
    )
    minimum_raters = forms.IntegerField(
        min_value=1,
        max_value=50,
        label="Raters a label needs",
        help_text="Blind raters, where people alone vouch for it; of a pair, for each of its traces, or who compared "
        "the two. 1 takes what a single person said.",
    )
    evidence = forms.MultipleChoiceField(
        choices=_EVIDENCE_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        label="Evidence taken",
        error_messages={"required": "Choose at least one kind of evidence."},
    )
    good_from = forms.FloatField(min_value=0, max_value=1, label="Good from a posterior of")
    bad_to = forms.FloatField(min_value=0, max_value=1, label="Bad up to a posterior of")
    sft_from = forms.FloatField(min_value=0, max_value=1, label="SFT from P(trace)")
    min_p_preference = forms.FloatField(
        min_value=LOWEST_P_PREFERENCE, max_value=1, label="Preferences from P"
    )
    after_error = forms.ChoiceField(
        choices=[("label", "Labelled 0 where the merge is sure"), ("mask", "Masked: no label")],
        label="Steps after the first error",
    )
    models = forms.MultipleChoiceField(
        required=False, label="Only completions by", help_text="None chosen means all models."
    )
    batches = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        label="Only of the batches",
        help_text="None chosen means all, and imported traces.",
    )
    languages = forms.MultipleChoiceField(
        required=False,
        label="Only prompts in",
        help_text="As recognised from the prompt. None chosen means all.",
    )
    made_from = forms.DateField(
        required=False, label="Traces made from", widget=_DAY, help_text="UTC, included."
    )
    made_to = forms.DateField(
        required=False, label="Traces made until", widget=_DAY, help_text="UTC, included."
    )
    leaves_out_bad_prompts = forms.BooleanField(
        required=False, label="Leave out prompts that half of their raters called broken"
    )
    uses_gold_in_evaluation = forms.BooleanField(
        required=False, label="Put gold into validation and test (it never trains)"
    )
    validation_percent = forms.IntegerField(min_value=0, max_value=50, label="Validation, %")
    test_percent = forms.IntegerField(min_value=0, max_value=49, label="Test, %")
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, label="Seed of the splits")
    near_duplicates = forms.ChoiceField(
        choices=[
            ("same_numbers", "Same words and same numbers"),
            ("any_numbers", "Same words, whatever the numbers: a template stays together"),
        ],
        label="Near-duplicate prompts share a split",
    )

    def __init__(
        self,
        project: Project,
        data: QueryDict | None = None,
        *,
        account: Account,
        merge: str = "",
        like: Export | None = None,
    ) -> None:
        first = default_choices(project, merge) if like is None else choices_of(like)
        super().__init__(data or first, label_suffix="")
        self._others = {other.pk: other for other in list_other_projects(account, project)}
        self._choices("other_projects").choices = [(pk, other.name) for pk, other in self._others.items()]
        self._runs = {
            f"run:{run.pk}": run for run in list_merge_runs(project).filter(state="finished")[:MERGES_OFFERED]
        }
        if like is not None and like.merge_run.state == JobState.FINISHED:
            self._runs.setdefault(f"run:{like.merge_run_id}", like.merge_run)
        self._choices("merge").choices = [*FRESH, *((key, _name(run)) for key, run in self._runs.items())]
        self._choices("models").choices = [(name, name) for name in list_model_names(project)]
        self._choices("batches").choices = list_batch_choices(project)
        self._choices("languages").choices = [
            (code, code or "not recognised") for code in list_languages(project)
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.policy()
            except BadPolicy as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def policy(self) -> ExportPolicy:
        """The policy of a valid form."""
        chosen = self.cleaned_data
        same = (
            "minimum_raters",
            "good_from",
            "bad_to",
            "sft_from",
            "min_p_preference",
            "after_error",
            "leaves_out_bad_prompts",
            "uses_gold_in_evaluation",
            "seed",
            "near_duplicates",
        )
        return ExportPolicy(
            **{name: chosen[name] for name in same},
            evidence=tuple(chosen["evidence"]),
            models=tuple(chosen["models"]),
            batches=tuple(chosen["batches"]),
            languages=tuple(chosen["languages"]),
            made_from=chosen["made_from"].isoformat() if chosen["made_from"] else "",
            made_to=chosen["made_to"].isoformat() if chosen["made_to"] else "",
            validation_share=chosen["validation_percent"] / 100,
            test_share=chosen["test_percent"] / 100,
        )

    def merge_chosen(self) -> MergeRun | MergePolicy:
        """The merge run to export, or how to merge first."""
        kind, _, name = self.cleaned_data["merge"].partition(":")
        return self._runs[self.cleaned_data["merge"]] if kind == "run" else MergePolicy(name=name)

    def others_chosen(self) -> list[Project]:
        """The further projects of a valid form."""
        return [self._others[pk] for pk in self.cleaned_data["other_projects"]]

    def _choices(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field


def default_choices(project: Project, merge: str = "") -> dict[str, Any]:
    """What the form offers first: DOMAIN's thresholds, and one rater only while few traces have two."""
    return {
        "merge": merge or FRESH[0][0],
        "configs": [config for config in CONFIGS if config != "evidence"],
        "form": Form.STANDARD.value,
        "file_format": FileFormat.PARQUET.value,
        "other_projects": [],
        "minimum_raters": 2 if count_traces_with_raters(project, 2) >= ENOUGH_RATED_TWICE else 1,
        "evidence": list(_POLICY.evidence),
        "good_from": _POLICY.good_from,
        "bad_to": _POLICY.bad_to,
        "sft_from": _POLICY.sft_from,
        "min_p_preference": _POLICY.min_p_preference,
        "after_error": _POLICY.after_error,
        "models": [],
        "batches": [],
        "languages": [],
        "made_from": "",
        "made_to": "",
        "leaves_out_bad_prompts": _POLICY.leaves_out_bad_prompts,
        "uses_gold_in_evaluation": _POLICY.uses_gold_in_evaluation,
        "validation_percent": round(_POLICY.validation_share * 100),
        "test_percent": round(_POLICY.test_share * 100),
        "seed": _POLICY.seed,
        "near_duplicates": _POLICY.near_duplicates,
    }


def choices_of(export: Export) -> dict[str, Any]:
    """What was chosen for an export, for another one like it; a merge that did not finish is to run again."""
    policy, run = read_policy(export.policy), export.merge_run
    of_policy = {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
    return {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in of_policy.items()},
        "merge": f"run:{run.pk}" if run.state == JobState.FINISHED else f"fresh:{run.policy}",
        "configs": export.configs,
        "form": export.form,
        "file_format": export.file_format,
        "other_projects": list(export.other_runs.values_list("project_id", flat=True)),
        "validation_percent": round(policy.validation_share * 100),
        "test_percent": round(policy.test_share * 100),
    }


def _name(run: MergeRun) -> str:
    recovery = ", recovery learned" if run.recovery == "learned" else ""
    return f"Merge {run.pk}: {run.policy}{recovery}, {run.queued_at:%-d %b %Y, %H:%M} UTC"
