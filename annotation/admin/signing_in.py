"""Second factors, for whoever lost theirs. What else django-allauth would show here stays out."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.base.internal.flows import delete_dangling_recovery_codes
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from annotation.actions.sign_ins import record_removal
from annotation.admin.site import ReadOnlyAdmin
from annotation.models import Account

for model in (EmailAddress, UserSession, Authenticator, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Shown without what is secret, and removed where somebody can't sign in any more."""

    list_display = ("user", "__str__", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__display_name")
    exclude = ("data",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Recovery codes that are left alone go too."""
        super().delete_model(request, obj)
        delete_dangling_recovery_codes(obj.user)
        if isinstance(request.user, Account):
            record_removal(account=obj.user, actor=request.user, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        for authenticator in queryset:
            if queryset.model.objects.filter(pk=authenticator.pk).exists():  # it may have gone with another
                self.delete_model(request, authenticator)

    def log_deletions(self, request: HttpRequest, queryset: object) -> list[LogEntry]:
        """None in the administration's own log, where the name that a person gave a passkey would stay: the audit log
        has it."""
        return []
