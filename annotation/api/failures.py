"""/batch-failures/ and /judge-failures/: what batches made no trace of, and what judges gave no score, each with its
reason. For a project's admins and engineers."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import MAKERS, ProjectFilter, ProjectScopedView
from annotation.models import BatchFailure, JudgeFailure, Project
from annotation.queries import failures

_LARGEST_ID = 2**63 - 1


class BatchFailureSerializer(serializers.ModelSerializer[BatchFailure]):
    project = serializers.SlugField(source="batch.project.slug", read_only=True)
    batch = serializers.IntegerField(source="batch_id", read_only=True)
    prompt = serializers.IntegerField(
        source="prompt_id", read_only=True, help_text="Also where it was deleted since."
    )

    class Meta:
        model = BatchFailure
        fields = ["id", "project", "batch", "prompt", "sample_index", "reason"]
        read_only_fields = fields


class JudgeFailureSerializer(serializers.ModelSerializer[JudgeFailure]):
    project = serializers.SlugField(source="run.project.slug", read_only=True)
    run = serializers.IntegerField(source="run_id", read_only=True)
    judge = serializers.CharField(source="run.judge", read_only=True, help_text="Its name and version.")
    trace = serializers.IntegerField(
        source="trace_id", read_only=True, help_text="Also where it was deleted since."
    )

    class Meta:
        model = JudgeFailure
        fields = ["id", "project", "run", "judge", "trace", "reason"]
        read_only_fields = fields


class BatchFailureFilter(ProjectFilter):
    batch = serializers.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID)


class JudgeFailureFilter(ProjectFilter):
    run = serializers.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID)


class BatchFailureList(ProjectScopedView[BatchFailure], ListModelMixin):
    scope = "traces"
    roles = MAKERS
    filter_class = BatchFailureFilter
    serializer_class = BatchFailureSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[BatchFailure]:
        rows = failures.list_batch_failures_in(projects).select_related("batch__project")
        return rows.filter(batch=self.parameters["batch"]) if "batch" in self.parameters else rows

    @extend_schema(operation_id="list_batch_failures", parameters=[BatchFailureFilter])
    def get(self, request: Request) -> Response:
        """Items of batches that made no trace. An item that is tried again is gone from here."""
        return self.list(request)


class JudgeFailureList(ProjectScopedView[JudgeFailure], ListModelMixin):
    scope = "traces"
    roles = MAKERS
    filter_class = JudgeFailureFilter
    serializer_class = JudgeFailureSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[JudgeFailure]:
        rows = failures.list_judge_failures_in(projects).select_related("run__project", "run__judge")
        return rows.filter(run=self.parameters["run"]) if "run" in self.parameters else rows

    @extend_schema(operation_id="list_judge_failures", parameters=[JudgeFailureFilter])
    def get(self, request: Request) -> Response:
        """Traces that a judge gave no score, and those whose answer could not be read."""
        return self.list(request)
