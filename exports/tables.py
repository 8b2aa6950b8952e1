"""The table of a project's exports."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse

from annotation.models import Project
from annotation.tables.jobs import state_column, state_filter
from annotation.tables.table import Column, Filter, Kind, Table
from exports.models import Export
from exports.policy import CONFIGS


def build_export_table(project: Project, exports: QuerySet[Export]) -> Table[Export]:
    """The newest first; `exports` are those the person may see."""
    return Table(
        name="exports",
        noun="export",
        rows=exports.filter(project=project),
        order="-queued",
        columns=[
            Column(
                "export",
                "Export",
                lambda row: row.pk,
                sort="pk",
                link=lambda row: reverse("exports:show_export", args=[project.slug, row.pk]),
            ),
            state_column(),
            Column(
                "hash",
                "Hash",
                lambda row: row.content_hash,
                template="exports/hash_cell.html",
                sort="content_hash",
            ),
            Column("datasets", "Datasets", lambda row: ", ".join(row.configs), is_sortable=False),
            Column("form", "Form", lambda row: row.form),
            Column("files", "Files", lambda row: row.get_file_format_display(), sort="file_format"),
            Column(
                "merge",
                "Merge",
                lambda row: row.merge_run_id,
                sort="merge_run",
                link=lambda row: reverse("annotation:show_merge", args=[project.slug, row.merge_run_id]),
            ),
            Column("by", "Started by", lambda row: str(row.created_by), sort="created_by__username"),
            Column("queued", "Queued", lambda row: row.queued_at, Kind.TIME, sort="queued_at"),
            Column("finished", "Finished", lambda row: row.finished_at, Kind.TIME, on_page=False),
            Column("error", "Error", lambda row: row.error, on_page=False),
        ],
        filters=[
            state_filter(),
            Filter(
                "dataset",
                "Dataset",
                lambda rows, name: rows.filter(configs__contains=[name]),
                [(name, name) for name in CONFIGS],
            ),
        ],
        empty_template="exports/no_exports.html",
    )
