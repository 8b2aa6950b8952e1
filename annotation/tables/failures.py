"""The tables of what a batch or a judge run could not do, item by item."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from annotation.models import BatchFailure, GenerationBatch, JudgeFailure, JudgeRun, Prompt
from annotation.queries.failures import list_batch_failures, list_judge_failures
from annotation.tables.table import Column, Filter, Kind, Table

REASON_COLUMN: Column[Any] = Column(
    "reason", "Why", lambda row: row.reason, sort="reason", template="components/reason_cell.html"
)
REASON_FILTER: Filter[Any] = Filter(
    "q", "Search the reasons", lambda rows, text: rows.filter(reason__icontains=text)
)
_ROWS_A_PAGE = 25  # below everything else that a batch's page shows


def build_batch_failure_table(batch: GenerationBatch) -> Table[BatchFailure]:
    def link_to(failure: BatchFailure) -> str:
        if failure.prompt is None:
            return ""
        return reverse("annotation:show_prompt", args=[batch.project.slug, failure.prompt_id])

    return Table(
        name="failed",
        noun="item without a trace",
        nouns="items without a trace",
        rows=list_batch_failures(batch),
        order="item",
        columns=[
            Column("item", "No.", lambda row: row.prompt_id, sort="pk", link=link_to),
            REASON_COLUMN,
            Column("sample", "Sample", lambda row: row.sample_index, Kind.NUMBER, sort="sample_index"),
            Column("text", "Prompt", _tell_prompt, Kind.EXCERPT, is_sortable=False),
        ],
        filters=[REASON_FILTER],
        page_size=_ROWS_A_PAGE,
        empty="Every item made a trace, or waits its turn.",
    )


def build_judge_failure_table(run: JudgeRun) -> Table[JudgeFailure]:
    def link_to(failure: JudgeFailure) -> str:
        if failure.trace is None:
            return ""
        return reverse("annotation:show_trace", args=[run.project.slug, failure.trace_id])

    return Table(
        name="failed",
        noun="trace without a score",
        nouns="traces without a score",
        rows=list_judge_failures(run),
        order="item",
        columns=[
            Column("item", "Trace", lambda row: row.trace_id, sort="pk", link=link_to),
            REASON_COLUMN,
            Column("text", "Prompt", _tell_prompt, Kind.EXCERPT, is_sortable=False),
        ],
        filters=[REASON_FILTER],
        page_size=_ROWS_A_PAGE,
        empty="Every trace got a score, or waits its turn.",
    )


def _tell_prompt(failure: BatchFailure | JudgeFailure) -> str:
    item = failure.prompt if isinstance(failure, BatchFailure) else failure.trace
    if item is None:
        return "deleted since"
    return item.text if isinstance(item, Prompt) else item.prompt.text
