"""Exports in Django's admin: shown, never edited."""

from __future__ import annotations

from django.contrib import admin

from annotation.admin import ReadOnlyAdmin
from exports.models import Export


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "state", "form", "file_format", "queued_at", "content_hash")
    list_filter = ("state", "project")
    list_select_related = ("project",)
