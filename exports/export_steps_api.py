"""/exports/preview/, /exports/<id>/cancel/ and /exports/<id>/pushes/: what the export's pages do beside making one."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.actions import jobs
from annotation.api.access import account_of
from annotation.api.refusals import Conflict
from annotation.api.strict import StrictSerializer
from annotation.merging.data import MergePolicy
from annotation.models import Account, MergeRun
from exports import actions, hub
from exports.api import ExportScopedView, ExportSerializer
from exports.api_choices import NewExportSerializer, read_choices
from exports.models import HubPush
from exports.preview import ConfigPreview, Preview, preview_export


class LeftOutSerializer(serializers.Serializer[tuple[int, str]]):
    num_rows = serializers.IntegerField()
    reason = serializers.CharField(help_text="Words that follow “left out because”.")

    def to_representation(self, left_out: tuple[int, str]) -> dict[str, Any]:
        num_rows, reason = left_out
        return {"num_rows": num_rows, "reason": reason}


class ConfigPreviewSerializer(serializers.Serializer[ConfigPreview]):
    config = serializers.CharField()
    num_rows = serializers.IntegerField()
    is_partial = serializers.BooleanField(help_text="Counted of the first pairs only.")
    splits = serializers.SerializerMethodField(help_text="Rows by split.")
    labels = serializers.SerializerMethodField(help_text="Labels by value.")
    provenance = serializers.SerializerMethodField(help_text="Rows by provenance.")
    left_out = LeftOutSerializer(many=True)
    columns = serializers.SerializerMethodField(help_text="Types by column.")
    samples = serializers.ListField(
        child=serializers.CharField(), help_text="Up to three rows, as JSON texts."
    )

    def get_splits(self, found: ConfigPreview) -> dict[str, int]:
        return dict(found.splits)

    def get_labels(self, found: ConfigPreview) -> dict[str, int]:
        return dict(found.labels)

    def get_provenance(self, found: ConfigPreview) -> dict[str, int]:
        return dict(found.provenance)

    def get_columns(self, found: ConfigPreview) -> dict[str, str]:
        return dict(found.columns)


class EvidenceSerializer(serializers.Serializer[Any]):
    num_traces = serializers.IntegerField()
    num_rated = serializers.IntegerField()
    num_rated_twice = serializers.IntegerField()
    num_judged = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Preview]):
    merge_run = serializers.IntegerField(
        source="run.pk",
        default=None,
        allow_null=True,
        help_text="Counted from this merge; null where none ran yet.",
    )
    is_of_latest = serializers.BooleanField(
        help_text="A fresh merge is wanted, so the counts are of the latest one."
    )
    other_policy = serializers.CharField(
        help_text="By which policy that one merged, where it is another one."
    )
    is_estimated = serializers.BooleanField(help_text="Splits are drawn without looking for near-duplicates.")
    configs = ConfigPreviewSerializer(many=True)
    hints = serializers.ListField(child=serializers.CharField())
    evidence = EvidenceSerializer(
        allow_null=True, help_text="What there is to merge, where no merge ran yet."
    )


class PushSerializer(serializers.ModelSerializer[HubPush]):
    created_by = serializers.SlugRelatedField[Account](slug_field="username", read_only=True)

    class Meta:
        model = HubPush
        fields = [
            "id",
            "state",
            "error",
            "repository",
            "is_private",
            "commit_url",
            "created_by",
            "queued_at",
            "finished_at",
        ]
        read_only_fields = fields


class NewPushSerializer(StrictSerializer[dict[str, Any]]):
    repository = serializers.CharField(max_length=200, help_text="owner/name of a dataset repository.")
    is_private = serializers.BooleanField(default=True)


class ExportPreview(ExportScopedView):
    @extend_schema(
        operation_id="preview_export", request=NewExportSerializer, responses={200: PreviewSerializer}
    )
    def post(self, request: Request) -> Response:
        """What an export with the same body would hold and leave out; nothing starts."""
        chosen = read_choices(request)
        found = preview_export(
            chosen.project,
            chosen.merge if isinstance(chosen.merge, MergeRun) else None,
            chosen.policy,
            chosen.configs,
            chosen.form,
            chosen.other_projects,
            merge_policy=chosen.merge if isinstance(chosen.merge, MergePolicy) else None,
        )
        return Response(PreviewSerializer(found).data)


class ExportCancel(ExportScopedView):
    @extend_schema(operation_id="cancel_export", request=None, responses={200: ExportSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Stops a queued or running export; nothing of it is kept."""
        try:
            actions.cancel_export(export=self.get_object(), actor=account_of(request), now=timezone.now())
        except jobs.NotOpen as error:
            raise Conflict(str(error)) from error
        return Response(ExportSerializer(self.get_object()).data)


class ExportPushes(ExportScopedView):
    @extend_schema(operation_id="list_pushes", responses=PushSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """The export's ways to the Hugging Face Hub, the newest first."""
        pushes = cast("QuerySet[HubPush]", HubPush.objects.filter(export=self.get_object()))
        return Response(PushSerializer(pushes.select_related("created_by"), many=True).data)

    @extend_schema(operation_id="push_export", request=NewPushSerializer, responses={201: PushSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Sends a finished export to a dataset repository of the Hub; needs the installation's own token for it."""
        export = self.get_object()
        body = NewPushSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            push = hub.start_push(
                export=export, **body.validated_data, actor=account_of(request), now=timezone.now()
            )
        except hub.BadRepository as error:
            raise ValidationError({"repository": [str(error)]}) from error
        except (hub.NoToken, hub.ExportUnfit) as error:
            raise Conflict(str(error)) from error
        return Response(PushSerializer(push).data, status=status.HTTP_201_CREATED)
