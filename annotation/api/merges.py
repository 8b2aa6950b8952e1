"""/merges/: start, poll and cancel merges. For a project's admins and engineers; tokens need the scopes of exports."""

from __future__ import annotations

from typing import Any, cast, get_args

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.actions import jobs, merges
from annotation.api.access import MAKERS, ProjectFilter, ProjectScopedView, account_of, get_project
from annotation.api.refusals import Conflict
from annotation.api.strict import StrictSerializer
from annotation.merging.data import MergePolicy, PolicyName, Recovery
from annotation.models import Account, MergeRun, Project
from annotation.queries.merge_runs import used_verdict


class MergeSerializer(serializers.ModelSerializer[MergeRun]):
    project = serializers.SlugRelatedField[Project](slug_field="slug", read_only=True)
    created_by = serializers.SlugRelatedField[Account](slug_field="username", read_only=True)
    used_verdict = serializers.SerializerMethodField(
        help_text="Whether the verdict entered: asked for or not, it does so beside calibrated judges only."
    )

    class Meta:
        model = MergeRun
        fields = [
            "id",
            "project",
            "state",
            "error",
            "policy",
            "recovery",
            "uses_verdict",
            "used_verdict",
            "merge_version",
            "created_by",
            "queued_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_used_verdict(self, run: MergeRun) -> bool:
        return used_verdict(run)


class NewMergeSerializer(StrictSerializer[dict[str, Any]]):
    project = serializers.SlugField(help_text="The project's address.")
    policy = serializers.ChoiceField(choices=get_args(PolicyName), default="chain")
    recovery = serializers.ChoiceField(
        choices=get_args(Recovery),
        default="off",
        help_text="`learned` lets a trace stand again after an error.",
    )
    use_verdict = serializers.BooleanField(
        default=False, help_text="Lets the hazard read the verifier's verdict on final answers."
    )


class MergeScopedView(ProjectScopedView[MergeRun]):
    scope = "exports"
    roles = MAKERS
    serializer_class = MergeSerializer

    def list_rows(self, projects: QuerySet[Project]) -> QuerySet[MergeRun]:
        runs = cast("QuerySet[MergeRun]", MergeRun.objects.filter(project__in=projects))
        return runs.select_related("project", "created_by")


class MergeList(MergeScopedView, ListModelMixin):
    @extend_schema(operation_id="list_merges", parameters=[ProjectFilter])
    def get(self, request: Request) -> Response:
        """Merges of the projects in which you are admin or engineer."""
        return self.list(request)

    @extend_schema(operation_id="start_merge", request=NewMergeSerializer, responses={201: MergeSerializer})
    def post(self, request: Request) -> Response:
        """Starts a merge of everything said so far; poll it until its state is `finished` or `failed`."""
        body = NewMergeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        chosen = body.validated_data
        try:
            run = merges.start_merge(
                project=get_project(request, chosen["project"], MAKERS),
                policy=MergePolicy(chosen["policy"], chosen["recovery"], chosen["use_verdict"]),
                actor=account_of(request),
                now=timezone.now(),
            )
        except merges.MergeAlreadyOpen as error:
            raise Conflict(f"{error} It is merge {error.run.pk}.") from error
        except merges.NothingToMerge as error:
            raise Conflict(str(error)) from error
        return Response(MergeSerializer(run).data, status=status.HTTP_201_CREATED)


class MergeDetail(MergeScopedView, RetrieveModelMixin):
    @extend_schema(operation_id="get_merge")
    def get(self, request: Request, pk: int) -> Response:
        """One merge."""
        return self.retrieve(request, pk=pk)


class MergeCancel(MergeScopedView):
    @extend_schema(operation_id="cancel_merge", request=None, responses={200: MergeSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Stops a queued or running merge; nothing of it is stored."""
        run = self.get_object()
        try:
            merges.cancel_merge(run=run, actor=account_of(request), now=timezone.now())
        except jobs.NotOpen as error:
            raise Conflict(str(error)) from error
        return Response(MergeSerializer(self.get_object()).data)
