"""What people said, what came of it, and what it is worth."""

from __future__ import annotations

from django.contrib import admin

from annotation import models
from annotation.admin.site import ReadOnlyAdmin


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("pk", "trace", "rater", "state", "is_assisted", "selected_by", "leased_at", "expires_at")
    list_filter = ("state", "is_assisted", "selected_by")
    list_select_related = ("trace", "rater")


@admin.register(models.Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = (
        "pk",
        "trace",
        "rater",
        "revision",
        "is_current",
        "outcome",
        "is_assisted",
        "submitted_at",
    )
    list_filter = ("outcome", "is_current", "is_assisted")
    list_select_related = ("trace", "rater")


@admin.register(models.Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    list_display = ("pk", "prompt", "trace_a", "trace_b", "rater", "choice", "submitted_at")
    list_filter = ("choice",)
    list_select_related = ("prompt", "trace_a", "trace_b", "rater")


@admin.register(models.Gold)
class GoldAdmin(ReadOnlyAdmin):
    list_display = ("trace", "created_by", "created_at")
    list_select_related = ("trace", "created_by")


@admin.register(models.StepBranch)
class StepBranchAdmin(ReadOnlyAdmin):
    list_display = ("pk", "assignment", "step_index", "round", "state", "num_attempts", "queued_at")
    list_filter = ("state",)
    list_select_related = ("assignment",)


@admin.register(models.StepAlternative)
class StepAlternativeAdmin(ReadOnlyAdmin):
    list_display = ("branch", "index", "refusal", "created_at")
    list_select_related = ("branch",)


@admin.register(models.Decision, models.Appeal, models.Disagreement)
class ReviewAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "trace")
    list_select_related = ("trace",)


@admin.register(models.MergeRun)
class MergeRunAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "policy", "recovery", "state", "merge_version", "queued_at")
    list_filter = ("state", "project")
    list_select_related = ("project",)


@admin.register(models.MergedTrace)
class MergedTraceAdmin(ReadOnlyAdmin):
    list_display = ("run", "trace", "p_trace", "first_error", "provenance")
    list_filter = ("provenance",)
    list_select_related = ("run", "trace")


@admin.register(models.MergedPreference)
class MergedPreferenceAdmin(ReadOnlyAdmin):
    list_display = ("run", "prompt", "chosen", "rejected", "probability", "margin")
    list_select_related = ("run", "prompt", "chosen", "rejected")


@admin.register(models.QualityReport)
class QualityReportAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "kind", "state", "version", "queued_at")
    list_filter = ("kind", "state", "project")
    list_select_related = ("project",)
