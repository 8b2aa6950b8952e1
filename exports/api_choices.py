"""What the body of a request chooses for an export: datasets, form, merge, policy; each name one that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from annotation.api.access import (
    MAKERS,
    get_project,
)
from annotation.api.strict import StrictSerializer
from annotation.merging.data import MergePolicy, PolicyName, Recovery
from annotation.models import MergeRun, Project
from annotation.queries.merges import list_merge_runs
from exports.formats.dataset import FormName
from exports.models import FileFormat, Form
from exports.policy import CONFIGS, EVIDENCE, BadPolicy, ExportPolicy, read_policy

_LARGEST_ID = 2**63 - 1
_OF_FRESH_MERGES = ("merge_policy", "merge_recovery", "merge_use_verdict")


class PolicySerializer(StrictSerializer[dict[str, Any]]):
    """A policy; what is left out takes its default."""

    good_from = serializers.FloatField(required=False, min_value=0, max_value=1)
    bad_to = serializers.FloatField(required=False, min_value=0, max_value=1)
    sft_from = serializers.FloatField(required=False, min_value=0, max_value=1)
    min_p_preference = serializers.FloatField(required=False, min_value=0, max_value=1)
    minimum_raters = serializers.IntegerField(required=False, min_value=1, max_value=50)
    evidence = serializers.ListField(child=serializers.ChoiceField(choices=EVIDENCE), required=False)
    after_error = serializers.ChoiceField(choices=["label", "mask"], required=False)
    models = serializers.ListField(child=serializers.CharField(max_length=120), required=False)
    batches = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_LARGEST_ID), required=False
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=8, allow_blank=True),
        required=False,
        help_text='ISO 639-1 codes of prompts; "" for those not recognised.',
    )
    made_from = serializers.DateField(required=False, help_text="Traces made from this day on (UTC).")
    made_to = serializers.DateField(required=False, help_text="Traces made until this day (UTC).")
    uses_gold_in_evaluation = serializers.BooleanField(required=False)
    leaves_out_bad_prompts = serializers.BooleanField(required=False)
    validation_share = serializers.FloatField(required=False, min_value=0, max_value=1)
    test_share = serializers.FloatField(required=False, min_value=0, max_value=1)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    near_duplicates = serializers.ChoiceField(choices=["same_numbers", "any_numbers"], required=False)


class NewExportSerializer(StrictSerializer[dict[str, Any]]):
    project = serializers.SlugField(help_text="The project's address.")
    configs = serializers.MultipleChoiceField(choices=CONFIGS, help_text="Which datasets.")
    form = serializers.ChoiceField(choices=Form.choices, default=Form.STANDARD.value)
    file_format = serializers.ChoiceField(choices=FileFormat.choices, default=FileFormat.PARQUET.value)
    other_projects = serializers.ListField(
        child=serializers.SlugField(),
        default=list,
        help_text="Further projects whose labels go into the same files.",
    )
    merge_run = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=_LARGEST_ID,
        help_text="A merge run of the project; without it a fresh merge runs first.",
    )
    merge_policy = serializers.ChoiceField(
        choices=get_args(PolicyName), required=False, help_text="Of a fresh merge; `chain` without it."
    )
    merge_recovery = serializers.ChoiceField(
        choices=get_args(Recovery), required=False, help_text="Of a fresh merge; `off` without it."
    )
    merge_use_verdict = serializers.BooleanField(
        required=False, help_text="Of a fresh merge: lets it read the verifier's verdict on final answers."
    )
    policy = PolicySerializer(default=dict)

    def validate(self, chosen: dict[str, Any]) -> dict[str, Any]:
        if "merge_run" in chosen and (fresh := [name for name in _OF_FRESH_MERGES if name in chosen]):
            raise ValidationError(
                {name: ["A merge run has its own; leave one of the two out."] for name in fresh}
            )
        return chosen


@dataclass(frozen=True, slots=True)
class Choices:
    """What the body of a request chooses for an export."""

    project: Project
    merge: MergeRun | MergePolicy
    configs: list[str]
    form: FormName
    file_format: str
    policy: ExportPolicy
    other_projects: list[Project]


def read_choices(request: Request) -> Choices:
    """The choices of a request's body, each project one that the caller may export. Raises what DRF answers with."""
    body = NewExportSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    chosen = body.validated_data
    project = get_project(request, chosen["project"], MAKERS)
    return Choices(
        project=project,
        merge=_merge_chosen(project, chosen),
        configs=sorted(chosen["configs"]),
        form=chosen["form"],
        file_format=chosen["file_format"],
        policy=_policy_chosen(chosen["policy"]),
        other_projects=[get_project(request, slug, MAKERS) for slug in chosen["other_projects"]],
    )


def _merge_chosen(project: Project, chosen: dict[str, Any]) -> MergeRun | MergePolicy:
    if "merge_run" not in chosen:
        return MergePolicy(
            name=chosen.get("merge_policy", "chain"),
            recovery=chosen.get("merge_recovery", "off"),
            use_verdict=chosen.get("merge_use_verdict", False),
        )
    run = list_merge_runs(project).filter(pk=chosen["merge_run"]).first()
    if run is None:
        raise ValidationError({"merge_run": ["The project has no such merge run."]})
    return run


def _policy_chosen(values: dict[str, Any]) -> ExportPolicy:
    try:
        days: dict[str, object] = {
            name: str(values[name]) for name in ("made_from", "made_to") if name in values
        }
        return read_policy({**values, **days})
    except BadPolicy as error:
        raise ValidationError({"policy": [str(error)]}) from error
