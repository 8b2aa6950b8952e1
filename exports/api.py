"""/exports/: start, poll and download exports. For a project's admins and engineers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from django.db.models import QuerySet
from django.http import HttpResponseBase, JsonResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.actions.merges import NothingToMerge
from annotation.api.access import (
    MAKERS,
    ProjectFilter,
    ProjectScopedView,
    account_of,
    get_project,
    within_reach,
)
from annotation.api.errors import CONTENT_TYPE, ProblemSerializer, describe_problem
from annotation.api.refusals import Conflict
from annotation.api.strict import StrictSerializer
from annotation.merging.data import MergePolicy, PolicyName, Recovery
from annotation.models import Account, JobState, MergeRun, Project
from annotation.queries.access import list_projects_with_role
from annotation.queries.merges import list_merge_runs
from exports import actions, downloads
from exports.formats.dataset import FormName
from exports.models import Export, FileFormat, Form
from exports.policy import CONFIGS, EVIDENCE, BadPolicy, ExportPolicy, read_policy
from exports.queries import list_exports_within

_LARGEST_ID = 2**63 - 1
_OF_FRESH_MERGES = ("merge_policy", "merge_recovery", "merge_use_verdict")


class ExportSerializer(serializers.ModelSerializer[Export]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    created_by = serializers.SlugRelatedField[Account](slug_field="username", read_only=True)
    other_projects = serializers.SerializerMethodField(help_text="Further projects whose labels are in it.")
    progress = serializers.SerializerMethodField(help_text="What is being done; empty unless it is running.")
    card_sha256 = serializers.SerializerMethodField(help_text="SHA-256 of README.md, in hex.")
    files = serializers.SerializerMethodField(help_text="Names to download; empty until it is finished.")

    class Meta:
        model = Export
        fields = [
            "id",
            "project",
            "state",
            "progress",
            "error",
            "configs",
            "form",
            "file_format",
            "other_projects",
            "policy",
            "merge_run",
            "content_hash",
            "manifest",
            "card_sha256",
            "checks",
            "files",
            "created_by",
            "queued_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_progress(self, export: Export) -> str:
        return export.progress if export.state == JobState.RUNNING else ""

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_other_projects(self, export: Export) -> list[str]:
        return sorted(export.other_runs.values_list("project__slug", flat=True))

    def get_card_sha256(self, export: Export) -> str:
        return downloads.hash_card(export)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_files(self, export: Export) -> list[str]:
        return downloads.list_files(export)


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


class ExportScopedView(ProjectScopedView[Export]):
    """Exports that the caller may see, whole."""

    scope = "exports"
    roles = MAKERS
    filter_class = ProjectFilter
    serializer_class = ExportSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Export]:
        if self.parameters.get("project"):
            held = within_reach(self.request, list_projects_with_role(account_of(self.request), MAKERS))
            return list_exports_within(held).filter(project__in=projects)
        return list_exports_within(projects)


class ExportList(ExportScopedView, ListModelMixin):
    @extend_schema(operation_id="list_exports", parameters=[ProjectFilter])
    def get(self, request: Request) -> Response:
        """Exports of the projects in which you are admin or engineer."""
        return self.list(request)

    @extend_schema(
        operation_id="create_export", request=NewExportSerializer, responses={201: ExportSerializer}
    )
    def post(self, request: Request) -> Response:
        """Starts an export; poll it until its state is `finished` or `failed`."""
        chosen = read_choices(request)
        try:
            export = actions.start_export(
                project=chosen.project,
                merge=chosen.merge,
                configs=chosen.configs,
                form=chosen.form,
                policy=chosen.policy,
                actor=account_of(request),
                now=timezone.now(),
                file_format=chosen.file_format,
                other_projects=chosen.other_projects,
            )
        except actions.NoConfigs as error:
            raise ValidationError({"configs": [str(error)]}) from error
        except (actions.MergeUnfit, NothingToMerge) as error:
            raise Conflict(str(error)) from error
        return Response(ExportSerializer(export).data, status=status.HTTP_201_CREATED)


class ExportDetail(ExportScopedView, RetrieveModelMixin):
    @extend_schema(operation_id="get_export")
    def get(self, request: Request, pk: int) -> Response:
        """One export, with its manifest once it is finished."""
        return self.retrieve(request, pk=pk)


def _answers(kind: str) -> dict[Any, Any]:
    """What a download answers; asked for a `Range`, a part."""
    refused = OpenApiResponse(ProblemSerializer, description="The file does not reach as far as the range.")
    return {
        (200, kind): OpenApiTypes.BINARY,
        (206, kind): OpenApiTypes.BINARY,
        (416, CONTENT_TYPE): refused,
    }


class _Download(ExportScopedView):
    def record(self, request: Request, name: str, answer: HttpResponseBase) -> HttpResponseBase:
        """Who took what stands in the audit log. A range that is not there is refused as everything here is."""
        if answer.status_code == status.HTTP_416_REQUESTED_RANGE_NOT_SATISFIABLE:
            body = describe_problem(answer.status_code, "The file does not reach as far as this range.")
            headers = {"Content-Range": answer.headers["Content-Range"]}
            return JsonResponse(body, status=answer.status_code, headers=headers, content_type=CONTENT_TYPE)
        export, actor = self.get_object(), account_of(request)
        return downloads.record_download(
            request._request, answer, export=export, name=name, actor=actor, now=timezone.now()
        )


class ExportFile(_Download):
    @extend_schema(
        operation_id="download_export_file",
        responses=_answers("application/octet-stream"),
    )
    def get(self, request: Request, pk: int, name: str) -> HttpResponseBase:
        """One file of an export, whole or a single byte range of it."""
        try:
            return self.record(request, name, downloads.serve_file(request._request, self.get_object(), name))
        except downloads.NoSuchFile as error:
            raise NotFound(str(error)) from error


class ExportArchive(_Download):
    @extend_schema(operation_id="download_export", responses=_answers("application/zip"))
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """All files of an export in one zip, whole or a single byte range of it."""
        try:
            archive = downloads.serve_archive(request._request, self.get_object())
            return self.record(request, "archive.zip", archive)
        except downloads.NoSuchFile as error:
            raise NotFound(str(error)) from error


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
