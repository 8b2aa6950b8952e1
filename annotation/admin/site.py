"""The admin's site: who may open it, and what every list of it is like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

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
