"""/traces/: completions cut into steps. For a project's admins, engineers and adjudicators.

Raters get none here: they see a trace on the rating page only, without what would sway them.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import STAFF, ProjectFilter, ProjectScopedView
from annotation.models import Project, Trace

_LARGEST_ID = 2**63 - 1


class StepSerializer(serializers.Serializer[dict[str, Any]]):
    """A span of the completion. Joined in order, the texts are the completion, byte for byte."""

    index = serializers.IntegerField()
    start = serializers.IntegerField(
        help_text="In characters (Unicode code points) from the completion's start."
    )
    end = serializers.IntegerField(help_text="Exclusive.")
    text = serializers.CharField(trim_whitespace=False)


class TraceSerializer(serializers.ModelSerializer[Trace]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    steps = serializers.SerializerMethodField()

    class Meta:
        model = Trace
        fields = [
            "id",
            "project",
            "prompt",
            "batch",
            "sample_index",
            "completion",
            "steps",
            "segmenter",
            "segmentation",
            "model_name",
            "sampling",
            "finish_reason",
            "num_prompt_tokens",
            "num_tokens",
            "mean_logprob",
            "final_answer",
            "is_answer_correct",
            "created_at",
            "retired_at",
        ]
        read_only_fields = fields

    @extend_schema_field(StepSerializer(many=True))
    def get_steps(self, trace: Trace) -> list[dict[str, Any]]:
        starts = [0, *trace.step_ends[:-1]]
        return [
            {"index": index, "start": start, "end": end, "text": trace.completion[start:end]}
            for index, (start, end) in enumerate(zip(starts, trace.step_ends, strict=True))
        ]


class TraceFilter(ProjectFilter):
    prompt = serializers.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID)
    batch = serializers.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID)
    model = serializers.CharField(
        required=False, max_length=120, help_text="Only traces of the model with exactly this name."
    )
    retired = serializers.BooleanField(
        default=False, help_text="Also traces that a later segmentation replaced."
    )


class _Traces(ProjectScopedView[Trace]):
    scope = "traces"
    roles = STAFF
    filter_class = TraceFilter
    serializer_class = TraceSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Trace]:
        return Trace.objects.filter(project__in=projects).select_related("project")


class TraceList(_Traces, ListModelMixin):
    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Trace]:
        columns = {"prompt": "prompt_id", "batch": "batch_id", "model": "model_name"}
        wanted = {columns[name]: value for name, value in self.parameters.items() if name in columns}
        if not self.parameters.get("retired"):
            wanted["retired_at"] = None
        return super().list_rows(projects).filter(**wanted)

    @extend_schema(operation_id="list_traces", parameters=[TraceFilter])
    def get(self, request: Request) -> Response:
        """Traces of the projects in which you are admin, engineer or adjudicator."""
        return self.list(request)


class TraceDetail(_Traces, RetrieveModelMixin):
    @extend_schema(operation_id="get_trace")
    def get(self, request: Request, pk: int) -> Response:
        """One trace, also where a later segmentation replaced it."""
        return self.retrieve(request, pk=pk)
