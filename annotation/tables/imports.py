"""The tables of a project's imports, and of the rows that one of them refused."""

from __future__ import annotations

from django.urls import reverse

from annotation.models import ImportRefusal, ImportRun, JobState, Project
from annotation.queries.imports import list_import_runs, list_known_rows, list_refusals
from annotation.tables.failures import REASON_COLUMN, REASON_FILTER
from annotation.tables.table import Column, Filter, Kind, Table


def build_import_table(project: Project) -> Table[ImportRun]:
    def link_to(run: ImportRun) -> str:
        return reverse("annotation:show_import", args=[project.slug, run.pk])

    return Table(
        name="imports",
        noun="import",
        rows=list_import_runs(project),
        order="-id",
        columns=[
            Column("id", "No.", lambda run: run.pk, Kind.NUMBER, sort="pk", link=link_to),
            Column("source", "Source", lambda run: run.source.name, sort="source__name", link=link_to),
            Column(
                "state",
                "State",
                lambda run: run.get_state_display(),
                template="components/job_state_cell.html",
            ),
            Column("prompts", "Prompts", lambda run: run.num_prompts, Kind.NUMBER, sort="num_prompts"),
            Column("traces", "Traces", lambda run: run.num_traces, Kind.NUMBER, sort="num_traces"),
            Column("ratings", "Ratings", lambda run: run.num_ratings, Kind.NUMBER, sort="num_ratings"),
            Column("refused", "Refused", lambda run: run.num_refused, Kind.NUMBER, sort="num_refused"),
            Column("started", "Started", lambda run: run.queued_at, Kind.TIME, sort="queued_at"),
        ],
        filters=[
            Filter("state", "State", lambda runs, state: runs.filter(state=state), JobState.choices),
        ],
        empty="Nothing was imported yet.",
    )


def build_refusal_table(run: ImportRun) -> Table[ImportRefusal]:
    return Table(
        name="refused",
        noun="refused row",
        rows=list_refusals(run),
        order="row",
        columns=[
            Column("row", "Row", lambda refusal: refusal.number, Kind.NUMBER, sort="number"),
            REASON_COLUMN,
            Column("raw", "What stood there", lambda refusal: refusal.raw, Kind.EXCERPT, is_sortable=False),
        ],
        filters=[REASON_FILTER],
        empty="No row was refused.",
    )


def build_known_table(run: ImportRun) -> Table[ImportRefusal]:
    return Table(
        name="known",
        noun="row that was there already",
        nouns="rows that were there already",
        rows=list_known_rows(run),
        order="row",
        columns=[
            Column("row", "Row", lambda row: row.number, Kind.NUMBER, sort="number"),
            REASON_COLUMN,
        ],
        filters=[
            Filter(
                "labels",
                "Labels",
                lambda rows, _: rows.filter(reason__contains="labels were left out"),
                [("left-out", "Left out")],
            )
        ],
        prefix="known_",
        page_size=25,
        empty="Of this import only their number was kept.",
    )
