"""/prompts/: a project's prompts, and adding some. For its admins and engineers."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.actions import prompts
from annotation.actions.prompts import NewPrompt
from annotation.api.access import MAKERS, ProjectFilter, ProjectScopedView, account_of, get_project
from annotation.api.strict import StrictSerializer
from annotation.models import Project, Prompt
from annotation.queries.prompts import keep_imported, keep_traced

_MAX_PROMPTS = 1000


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)

    class Meta:
        model = Prompt
        fields = [
            "id",
            "project",
            "text",
            "reference_answer",
            "verifier",
            "ground_truth",
            "language",
            "source",
            "created_at",
        ]
        read_only_fields = fields


class NewPromptSerializer(StrictSerializer[dict[str, str]]):
    """A prompt as it comes in; texts are kept byte for byte."""

    text = serializers.CharField(trim_whitespace=False, help_text="The problem, as the model will see it.")
    reference_answer = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    verifier = serializers.CharField(
        required=False, allow_blank=True, max_length=40, help_text="Which verifier checks final answers."
    )
    ground_truth = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="What the verifier compares with; the reference answer where it is empty.",
    )
    origin = serializers.CharField(
        required=False, max_length=400, help_text="Where it comes from, in your own words; kept in `source`."
    )


class NewPromptsSerializer(StrictSerializer[dict[str, Any]]):
    project = serializers.SlugField(help_text="The project's address.")
    prompts = serializers.ListField(child=NewPromptSerializer(), min_length=1, max_length=_MAX_PROMPTS)


class AddedPromptsSerializer(serializers.Serializer[prompts.AddedPrompts]):
    num_stored = serializers.IntegerField()
    num_duplicates = serializers.IntegerField(
        help_text="How many the project had already; they are not stored twice."
    )


class PromptFilter(ProjectFilter):
    traced = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only prompts that have a trace (true), or that have none yet (false).",
    )
    import_run = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Only prompts that the import of this number brought.",
    )


class _Prompts(ProjectScopedView[Prompt]):
    scope = "prompts"
    roles = MAKERS
    filter_class = PromptFilter
    serializer_class = PromptSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Prompt]:
        return Prompt.objects.filter(project__in=projects).select_related("project")


class PromptList(_Prompts, ListModelMixin):
    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[Prompt]:
        rows = super().list_rows(projects)
        if (traced := self.parameters.get("traced")) is not None:
            rows = keep_traced(rows, traced)
        if (import_id := self.parameters.get("import_run")) is not None:
            rows = keep_imported(rows, import_id)
        return rows

    @extend_schema(operation_id="list_prompts", parameters=[PromptFilter])
    def get(self, request: Request) -> Response:
        """Prompts of the projects in which you are admin or engineer."""
        return self.list(request)

    @extend_schema(
        operation_id="add_prompts", request=NewPromptsSerializer, responses={201: AddedPromptsSerializer}
    )
    def post(self, request: Request) -> Response:
        """Stores up to 1,000 prompts, all or none."""
        body = NewPromptsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        project = get_project(request, body.validated_data["project"], MAKERS)
        try:
            added = prompts.add_prompts(
                project=project,
                prompts=[_read_prompt(prompt) for prompt in body.validated_data["prompts"]],
                actor=account_of(request),
                now=timezone.now(),
            )
        except prompts.BadPrompt as error:
            raise ValidationError({"prompts": {str(error.index): [error.reason]}}) from error
        return Response(AddedPromptsSerializer(added).data, status=status.HTTP_201_CREATED)


class PromptDetail(_Prompts, RetrieveModelMixin):
    @extend_schema(operation_id="get_prompt")
    def get(self, request: Request, pk: int) -> Response:
        """One prompt."""
        return self.retrieve(request, pk=pk)


def _read_prompt(fields: dict[str, str]) -> NewPrompt:
    texts = {name: fields[name] for name in _TEXTS if name in fields}
    origin = {"origin": fields["origin"]} if "origin" in fields else {}
    return NewPrompt(**texts, source={"kind": "api", **origin})


_TEXTS = frozenset(field.name for field in dataclasses.fields(NewPrompt)) - {"source"}
