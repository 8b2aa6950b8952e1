"""The tables of what a batch or a judge run could not do, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from annotation.models import BatchFailure, GenerationBatch, JudgeFailure, JudgeRun, Prompt
from annotation.queries.failures import list_batch_failures, list_judge_failures
from annotation.tables.table import Column, Filter, Kind, Table


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
            Column("item", "Prompt", lambda failure: failure.prompt_id, sort="pk", link=link_to),
            Column("text", "", lambda failure: _tell_prompt(failure.prompt), Kind.EXCERPT, is_sortable=False),
            Column(
                "sample", "Sample", lambda failure: failure.sample_index, Kind.NUMBER, sort="sample_index"
            ),
            _reason_column(),
        ],
        filters=_list_filters(),
        empty="Every item made a trace, or waits its turn.",
    )


def build_judge_failure_table(run: JudgeRun) -> Table[JudgeFailure]:
    def link_to(failure: JudgeFailure) -> str:
        if failure.trace is None:
            return ""
        return reverse("annotation:show_trace", args=[run.project.slug, failure.trace_id])

    def tell_prompt(failure: JudgeFailure) -> str:
        return _tell_prompt(failure.trace.prompt if failure.trace else None)

    return Table(
        name="failed",
        noun="trace without a score",
        nouns="traces without a score",
        rows=list_judge_failures(run),
        order="item",
        columns=[
            Column("item", "Trace", lambda failure: failure.trace_id, sort="pk", link=link_to),
            Column("text", "Prompt", tell_prompt, Kind.EXCERPT, is_sortable=False),
            _reason_column(),
        ],
        filters=_list_filters(),
        empty="Every trace got a score, or waits its turn.",
    )


def _tell_prompt(prompt: Prompt | None) -> str:
    return "deleted since" if prompt is None else prompt.text


def _reason_column() -> Column[Any]:
    return Column("reason", "Why", lambda failure: failure.reason, sort="reason")


def _list_filters() -> Sequence[Filter[Any]]:
    return [Filter("q", "Search the reasons", lambda rows, text: rows.filter(reason__icontains=text))]
