"""/exports/<id>/comparison/: what differs between two exports of a project, row by row, and why."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import ProjectFilter
from annotation.api.refusals import Conflict
from annotation.models import JobState
from exports.api import ExportScopedView
from exports.comparison import (
    COMPARED,
    MOST_SHOWN,
    FilesGone,
    RowState,
    compare_config,
    describe_differences,
    list_compared_configs,
)
from exports.explanations import Explained, explain_rows
from exports.models import Export
from exports.queries import find_export_before


class ComparisonFilter(ProjectFilter):
    before = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="The other export: rows are added and removed since it. Without it, the one made before.",
    )
    config = serializers.ChoiceField(
        choices=COMPARED, required=False, help_text="Only this dataset; all of them without it."
    )


class RowStateSerializer(serializers.Serializer[RowState]):
    split = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # fields of the library have one too
        help_text="In signs: ✓ stands, ✕ does not, · has no label."
    )
    provenance = serializers.CharField()
    prompt_id = serializers.CharField()


class RowChangeSerializer(serializers.Serializer[Explained]):
    kind = serializers.ChoiceField(choices=["added", "removed", "changed"], source="row.kind")
    key = serializers.ListField(
        child=serializers.CharField(), source="row.key", help_text="The ids of its traces, or of its prompt."
    )
    before = RowStateSerializer(source="row.before", allow_null=True)
    after = RowStateSerializer(source="row.after", allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField(), help_text="Why, in sentences.")


class ConfigComparisonSerializer(serializers.Serializer[dict[str, Any]]):
    config = serializers.CharField()
    num_same = serializers.IntegerField()
    num_added = serializers.IntegerField()
    num_removed = serializers.IntegerField()
    num_changed = serializers.IntegerField()
    rows = RowChangeSerializer(
        many=True, help_text=f"The first {MOST_SHOWN} rows of each kind, by their traces' ids."
    )


class ComparisonSerializer(serializers.Serializer[dict[str, Any]]):
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    causes = serializers.ListField(
        child=serializers.CharField(), help_text="What differs between how the two were made, in sentences."
    )
    configs = ConfigComparisonSerializer(many=True)


class ExportComparison(ExportScopedView):
    filter_class = ComparisonFilter

    @extend_schema(
        operation_id="compare_exports", parameters=[ComparisonFilter], responses=ComparisonSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """The export against another finished one of its project: rows added, removed, labelled otherwise, and why."""
        after = self.get_object()
        before = self._find_other(after)
        if any(export.state != JobState.FINISHED for export in (before, after)):
            raise Conflict("Only finished exports can be compared.")
        configs = list_compared_configs(before, after)
        if "config" in self.parameters:
            configs = [config for config in configs if config == self.parameters["config"]]
        found = {
            "before": before.pk,
            "after": after.pk,
            "causes": describe_differences(before, after),
            "configs": [_compare(before, after, config) for config in configs],
        }
        return Response(ComparisonSerializer(found).data)

    def _find_other(self, after: Export) -> Export:
        others = self.get_queryset().filter(project=after.project).exclude(pk=after.pk)
        if "before" in self.parameters:
            other = others.filter(pk=self.parameters["before"]).first()
        else:
            other = find_export_before(others, after)
        if other is None:
            raise NotFound("The project has no such other export.")
        return other


def _compare(before: Export, after: Export, config: str) -> dict[str, Any]:
    try:
        found = compare_config(before, after, config)
    except FilesGone as error:
        raise NotFound(str(error)) from error
    return {
        "config": config,
        "num_same": found.num_same,
        "num_added": found.num_added,
        "num_removed": found.num_removed,
        "num_changed": found.num_changed,
        "rows": explain_rows(before, after, config, found.rows),
    }
