"""/exports/: start, poll and download exports. For a project's admins and engineers."""

from __future__ import annotations

from typing import Any

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
    within_reach,
)
from annotation.api.errors import CONTENT_TYPE, ProblemSerializer, describe_problem
from annotation.api.refusals import Conflict
from annotation.models import Account, JobState, Project
from annotation.queries.access import list_projects_with_role
from exports import actions, downloads
from exports.api_choices import NewExportSerializer, read_choices
from exports.models import Export
from exports.queries import list_exports_within


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
