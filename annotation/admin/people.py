"""Projects and their people: accounts, roles, links, tokens, practice, and the audit log."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from annotation import models
from annotation.actions.audit import record_event
from annotation.actions.privacy import StillNeeded, forget_person
from annotation.admin.site import ReadOnlyAdmin

admin.site.unregister(Group)  # roles are memberships, not groups


def record_save(
    request: HttpRequest,
    changed: Model,
    form: Any,
    is_change: bool,
    *,
    noun: str,
    project: models.Project | None = None,
) -> None:
    """The audit log has what is done here too; Django's admin saves in one transaction. Fields by name, no values."""
    record_event(
        actor=request.user if isinstance(request.user, models.Account) else None,
        verb=f"{'changed' if is_change else 'made'} {noun} as site admin",
        subject=changed,
        now=timezone.now(),
        project=project,
        fields=form.changed_data,
    )


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
    actions = ("forget_people",)

    @admin.action(description="Forget these people for good …")
    def forget_people(self, request: HttpRequest, chosen: QuerySet[models.Account]) -> HttpResponse | None:
        """Asks first; then each by itself, so that one who is still needed keeps nobody else."""
        if "is_sure" not in request.POST:
            context = {
                **admin.site.each_context(request),
                "title": "Forget people",
                "accounts": chosen,
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/forget_people.html", context)
        actor = request.user if isinstance(request.user, models.Account) else None
        for account in chosen:
            try:
                said = forget_person(account=account, actor=actor, now=timezone.now())
            except StillNeeded as error:
                self.message_user(request, f"{account}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"Forgotten; what they rated is now of {said}.", messages.SUCCESS)
        return None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """An account is switched off, never deleted: its ratings are evidence."""
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Whoever sets somebody's password can sign in as them: that they did stays in the log."""
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
                record_event(
                    actor=request.user if isinstance(request.user, models.Account) else None,
                    verb="set a password as site admin",
                    subject=models.Account.objects.get(pk=id),
                    now=timezone.now(),
                )
        return answer

    def save_model(self, request: HttpRequest, obj: models.Account, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_save(request, obj, form, change, noun="an account")


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

    def save_model(self, request: HttpRequest, obj: models.Project, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_save(request, obj, form, change, noun="a project", project=obj)


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


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "verb", "subject", "project")
    list_filter = ("verb", "project")
    list_select_related = ("actor", "project")
    search_fields = ("verb", "subject")
    date_hierarchy = "at"
