"""The tables of background work: batches, judge runs and merges."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from annotation.models import GenerationBatch, JobState, JudgeRun, MergeRun, Project
from annotation.models.job import OPEN_STATES
from annotation.queries.batches import list_batches
from annotation.queries.judge_runs import list_judge_runs
from annotation.queries.merges import list_merge_runs
from annotation.tables.table import Column, Filter, Kind, Table

STATE_CELL = "components/job_state_cell.html"
_PAUSED = "paused"


def build_batch_table(project: Project) -> Table[GenerationBatch]:
    """The newest first."""
    rows = list_batches(project)
    return Table(
        name="batches",
        noun="batch",
        nouns="batches",
        rows=rows,
        order="-launched",
        columns=[
            Column("batch", "Batch", lambda row: row.pk, sort="pk", link=_link("show_batch", project)),
            state_column(),
            Column("model", "Model", lambda row: row.model_spec.name, sort="model_spec__name"),
            Column("traces", "Traces", attrgetter("num_traces"), Kind.NUMBER, sort="num_traces"),
            Column("expected", "Expected", lambda row: row.num_expected, Kind.NUMBER, sort="num_expected"),
            Column("temperature", "Temperature", lambda row: row.temperature, Kind.DECIMAL),
            *_list_launch_columns("launched", "Launched"),
        ],
        filters=[_pausing_state_filter(), _choose("model", "Model", rows, "model_spec__name")],
        empty_template="batches/no_batches.html",
    )


def build_judge_run_table(project: Project) -> Table[JudgeRun]:
    """The newest first."""
    rows = list_judge_runs(project)
    return Table(
        name="runs",
        noun="run",
        rows=rows,
        order="-launched",
        columns=[
            Column("run", "Run", lambda row: row.pk, sort="pk", link=_link("show_judge_run", project)),
            state_column(),
            Column("judge", "Judge", lambda row: str(row.judge), sort="judge__name"),
            Column("traces", "Traces", lambda row: row.num_traces, Kind.NUMBER, sort="num_traces"),
            *_list_launch_columns("launched", "Launched"),
        ],
        filters=[state_filter(), _choose("judge", "Judge", rows, "judge__name")],
        empty="No judge has been set to work yet. The arithmetic judge takes a second, and is a good one to "
        "begin with.",
    )


def build_merge_table(project: Project) -> Table[MergeRun]:
    """The newest first."""
    rows = list_merge_runs(project)
    return Table(
        name="merges",
        noun="merge",
        rows=rows,
        order="-queued",
        columns=[
            Column("merge", "Merge", lambda row: row.pk, sort="pk", link=_link("show_merge", project)),
            state_column(),
            Column("policy", "Policy", lambda row: row.policy),
            Column("verdict", "Verdict asked for", lambda row: row.uses_verdict, sort="uses_verdict"),
            Column("recovery", "Recovery", lambda row: row.recovery),
            *_list_launch_columns("queued", "Queued"),
        ],
        filters=[state_filter(), _choose("policy", "Policy", rows, "policy")],
        empty="No merge yet. Start one above once a few traces are rated; making an export can also do it for you.",
    )


def state_column() -> Column[Any]:
    """A job's state, as its badge."""
    return Column("state", "State", lambda row: row.state, template=STATE_CELL)


def state_filter() -> Filter[Any]:
    return Filter("state", "State", lambda rows, state: rows.filter(state=state), _list_states())


def _list_states() -> list[tuple[str, str]]:
    return [(state.value, str(state.label)) for state in JobState]


def _pausing_state_filter() -> Filter[Any]:
    """As the badges say it: what is paused neither waits nor runs."""
    open_ones, closed = _list_states()[: len(OPEN_STATES)], _list_states()[len(OPEN_STATES) :]
    return Filter("state", "State", _keep_state, [*open_ones, (_PAUSED, "Paused"), *closed])


def _keep_state(rows: QuerySet[Any], state: str) -> QuerySet[Any]:
    if state == _PAUSED:
        return rows.filter(state__in=OPEN_STATES, paused_at__isnull=False)
    kept = rows.filter(state=state)
    return kept.filter(paused_at=None) if state in OPEN_STATES else kept


def _link(view: str, project: Project) -> Callable[[Any], str]:
    return lambda row: reverse(f"annotation:{view}", args=[project.slug, row.pk])


def _list_launch_columns(key: str, title: str) -> list[Column[Any]]:
    return [
        Column("by", "By", lambda row: str(row.created_by), sort="created_by__username"),
        Column(key, title, lambda row: row.queued_at, Kind.TIME, sort="queued_at"),
        Column("finished", "Finished", lambda row: row.finished_at, Kind.TIME, on_page=False),
        Column("error", "Error", lambda row: row.error, on_page=False),
    ]


def _choose(key: str, title: str, rows: QuerySet[Any], field: str) -> Filter[Any]:
    """A choice of the values that the rows have."""
    values = list(rows.order_by(field).values_list(field, flat=True).distinct()[:200])
    return Filter(
        key, title, lambda found, value: found.filter(**{field: value}), [(value, value) for value in values]
    )
