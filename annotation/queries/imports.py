"""Imports of a project: their sources, their runs and how far a run has got."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import cast

from django.db.models import Count, QuerySet

from annotation.importing.items import Item, read_text
from annotation.importing.layout import Layout, Mapped
from annotation.importing.layouts import BadMapping, check_mapping, read_item
from annotation.importing.rows import BadRow, Row
from annotation.models import ImportRefusal, ImportRun, ImportSource, Project
from annotation.rules.rating import BAD

_MOST_REASONS = 20


@dataclass(frozen=True)
class ImportProgress:
    """How far a run has got. Times are seconds; num_expected and eta_seconds are None where nothing can be said."""

    num_expected: int | None
    elapsed_seconds: float
    eta_seconds: float | None
    reasons: tuple[tuple[str, int], ...]

    @property
    def has_bar(self) -> bool:
        return self.num_expected is not None


@dataclass(frozen=True)
class PreviewRow:
    """What one of the first rows would store, or why it would be refused."""

    number: int
    item: Item | None
    fault: str

    @property
    def num_steps(self) -> int | None:
        ends = self.item.trace.step_ends if self.item and self.item.trace else None
        return len(ends) if ends else None

    @property
    def labels_in_words(self) -> str:
        """What its labels say, as a rater would: "first error at step 3"."""
        trace = self.item.trace if self.item else None
        if trace is None or trace.labels is None:
            return ""
        if trace.outcome != "rated":
            return trace.reason
        if BAD in trace.labels:
            return f"first error at step {trace.labels.index(BAD) + 1}"
        return "no error"


def list_import_sources(project: Project) -> QuerySet[ImportSource]:
    return cast("QuerySet[ImportSource]", ImportSource.objects.filter(project=project))


def list_import_runs(project: Project) -> QuerySet[ImportRun]:
    """The project's imports, the newest first."""
    runs = cast("QuerySet[ImportRun]", ImportRun.objects.filter(project=project))
    return runs.select_related("source", "created_by", "rater")


def list_bringers(project: Project) -> QuerySet[ImportRun]:
    """The newest hundred imports that brought prompts."""
    return list_import_runs(project).filter(num_prompts__gt=0).order_by("-pk")[:100]


def list_refusals(run: ImportRun) -> QuerySet[ImportRefusal]:
    return ImportRefusal.objects.filter(run=run, is_known=False)


def list_known_rows(run: ImportRun) -> QuerySet[ImportRefusal]:
    """The rows that brought nothing which was not there already."""
    return ImportRefusal.objects.filter(run=run, is_known=True)


def get_import_progress(run: ImportRun, *, now: dt.datetime) -> ImportProgress:
    known = [number for number in (run.source.num_rows, run.max_rows) if number is not None]
    expected = min(known) if run.source.num_rows is not None else None
    elapsed = ((run.finished_at or now) - run.started_at).total_seconds() if run.started_at else 0.0
    left = max(0, expected - run.num_read) if expected is not None else None
    eta = elapsed / run.num_read * left if run.is_open and run.num_read and left is not None else None
    counted = list_refusals(run).order_by().values_list("reason").annotate(num=Count("pk"))
    reasons = tuple(counted.order_by("-num", "reason")[:_MOST_REASONS])
    return ImportProgress(expected, elapsed, eta, reasons)


@dataclass(frozen=True)
class RawRow:
    """A row as it came, a text for each of the source's columns."""

    number: int
    cells: tuple[str, ...]


def show_raw_rows(rows: list[Row], columns: list[str]) -> list[RawRow]:
    """The first rows as they came, for those who wonder what a column holds."""
    return [RawRow(row.number, tuple(read_text(row.values, name) for name in columns)) for row in rows]


def preview_rows(rows: list[Row], layout: Layout, mapped: Mapped, columns: list[str]) -> list[PreviewRow]:
    """What the first rows would store. Raises BadMapping while the columns don't fit together."""
    check_mapping(layout, mapped, columns)
    return [_preview(row, layout, mapped) for row in rows]


def _preview(row: Row, layout: Layout, mapped: Mapped) -> PreviewRow:
    try:
        return PreviewRow(row.number, read_item(row, layout, mapped), "")
    except (BadRow, BadMapping) as error:
        return PreviewRow(row.number, None, str(error))
