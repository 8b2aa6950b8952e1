"""Django's admin, for site admins: look at every table, edit what no page edits.

Nearly everything is read-only here. Ratings, scores, merges and the audit log are never edited at all; projects,
people and tokens have pages of their own, whose actions keep counts and the audit log right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from annotation import models

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


def is_site_admin(request: HttpRequest) -> bool:
    """Who may open the admin: superusers. Django's own answer, `is_staff`, says nothing about projects."""
    return request.user.is_active and bool(getattr(request.user, "is_superuser", False))


@login_required
def open_admin(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """In place of the admin's own sign-in form: there is one way to sign in."""
    if not is_site_admin(request):
        raise PermissionDenied("The site administration is for site admins.")
    return redirect("admin:index")


admin.site.has_permission = is_site_admin  # type: ignore[method-assign]
admin.site.login = open_admin  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Gradus"
admin.site.index_title = "Site administration"
admin.site.enable_nav_sidebar = False
admin.site.unregister(Group)  # roles are memberships, not groups


class ReadOnlyAdmin(_ModelAdmin):
    """Lists and shows; adds, changes and deletes nothing."""

    show_full_result_count = False  # counting a million rows would take longer than showing fifty
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Account)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]  # not generic at run time
    list_display = ("username", "display_name", "is_superuser", "is_simulated", "is_active", "last_login")
    list_filter = ("is_superuser", "is_simulated", "is_active")
    search_fields = ("username", "display_name", "email")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "display_name", "email")}),
        ("May", {"fields": ("is_active", "is_superuser", "is_staff", "is_simulated")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """An account is switched off, never deleted: its ratings are evidence."""
        return False


@admin.register(models.Project)
class ProjectAdmin(ReadOnlyAdmin):
    """Archives and restores; the rest is edited on the project's settings page, which keeps its traces right."""

    list_display = ("name", "slug", "overlap", "created_at", "archived_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "slug")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [field.name for field in models.Project._meta.fields if field.name != "archived_at"]


@admin.register(models.ModelSpec)
class ModelSpecAdmin(ReadOnlyAdmin):
    list_display = ("name", "backend", "location", "address", "revision", "created_at", "retired_at")
    search_fields = ("name", "location")


@admin.register(models.ModelTrial)
class ModelTrialAdmin(ReadOnlyAdmin):
    list_display = ("pk", "model_spec", "state", "created_by", "queued_at")
    list_select_related = ("model_spec", "created_by")


@admin.register(models.Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("account", "project", "role", "created_at", "paused_at")
    list_filter = ("role", "project")
    list_select_related = ("account", "project")


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("project", "role", "note", "num_uses", "max_uses", "expires_at", "revoked_at")
    list_filter = ("role", "project")
    list_select_related = ("project",)
    exclude = ("secret_hash",)


@admin.register(models.ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("account", "name", "scopes", "project", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("account", "project")
    exclude = ("secret_hash",)


@admin.register(models.Prompt)
class PromptAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "verifier", "created_at")
    list_filter = ("project", "verifier")
    list_select_related = ("project",)
    search_fields = ("text",)


@admin.register(models.Trace)
class TraceAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "model_name", "segmenter", "wants_ratings", "created_at", "retired_at")
    list_filter = ("project", "model_name", "wants_ratings")
    list_select_related = ("project",)


@admin.register(models.GenerationBatch)
class GenerationBatchAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "model_spec", "state", "num_prompts", "num_samples", "queued_at")
    list_filter = ("state", "project")
    list_select_related = ("project", "model_spec")


@admin.register(models.GenerationChunk)
class GenerationChunkAdmin(ReadOnlyAdmin):
    list_display = ("pk", "batch", "index", "state", "num_attempts", "touched_at", "error")
    list_filter = ("state",)
    list_select_related = ("batch",)


@admin.register(models.Judge)
class JudgeAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "project", "kind", "model_spec", "sees_reference", "created_at")
    list_filter = ("kind",)
    list_select_related = ("model_spec", "project")


@admin.register(models.ImportSource)
class ImportSourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "file_format", "state", "num_rows", "queued_at")
    list_filter = ("state", "file_format", "project")
    list_select_related = ("project",)


@admin.register(models.ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "source", "layout", "state", "num_read", "num_refused", "queued_at")
    list_filter = ("state", "layout", "project")
    list_select_related = ("project", "source")


@admin.register(models.ImportRefusal)
class ImportRefusalAdmin(ReadOnlyAdmin):
    list_display = ("run", "number", "reason")
    list_select_related = ("run",)


@admin.register(models.JudgeRun)
class JudgeRunAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "judge", "state", "num_traces", "queued_at")
    list_filter = ("state", "project")
    list_select_related = ("project", "judge")


@admin.register(models.JudgeChunk)
class JudgeChunkAdmin(ReadOnlyAdmin):
    list_display = ("pk", "run", "index", "state", "num_attempts", "touched_at", "error")
    list_filter = ("state",)
    list_select_related = ("run",)


@admin.register(models.JudgeScore)
class JudgeScoreAdmin(ReadOnlyAdmin):
    list_display = ("trace", "judge", "created_at")
    list_filter = ("judge",)
    list_select_related = ("judge", "trace")


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


@admin.register(models.QualificationAttempt)
class QualificationAttemptAdmin(ReadOnlyAdmin):
    list_display = ("project", "rater", "number", "has_passed", "num_right", "started_at", "finished_at")
    list_filter = ("has_passed", "project")
    list_select_related = ("project", "rater")


@admin.register(models.PracticeAnswer)
class PracticeAnswerAdmin(ReadOnlyAdmin):
    list_display = ("trace", "rater", "attempt", "is_right", "answered_at")
    list_filter = ("is_right",)
    list_select_related = ("trace", "rater", "attempt")


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


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "verb", "subject", "project")
    list_filter = ("verb", "project")
    list_select_related = ("actor", "project")
    search_fields = ("verb", "subject")
    date_hierarchy = "at"
