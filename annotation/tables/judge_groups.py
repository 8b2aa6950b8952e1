"""The table behind one judge's charts: every measure by model, by length and by the score it gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from annotation.measuring.judges import Bin, JudgeQuality, Quality
from annotation.measuring.resampling import Estimate
from annotation.tables.estimates import list_estimate_columns
from annotation.tables.group_filters import filter_by_sort, find_by_words
from annotation.tables.table import Column, Kind, Table


@dataclass(frozen=True)
class JudgeGroupRow:
    """A judge on some traces, or on the steps that it gave about the same score: then `quality` is None.

    `errors`: the share of steps that people call an error; `promised`: the judge's mean probability.
    """

    by: str
    name: str
    num_traces: int
    num_steps: int
    promised: float | None
    errors: Estimate
    quality: Quality | None


def list_judge_group_rows(found: JudgeQuality) -> list[JudgeGroupRow]:
    """All traces, then each model, each length, and each class of scores."""
    return [
        _of_traces("All", "all traces", found.overall),
        *(_of_traces("Model", group.name, group.quality) for group in found.by_model),
        *(_of_traces("Length", group.name, group.quality) for group in found.by_length),
        *(_of_scores(one) for one in found.bins),
    ]


def _of_traces(by: str, name: str, quality: Quality) -> JudgeGroupRow:
    return JudgeGroupRow(
        by, name, quality.num_traces, quality.num_steps, quality.promised, quality.prevalence, quality
    )


def _of_scores(one: Bin) -> JudgeGroupRow:
    stands = one.stands
    errors = Estimate(
        None if stands.value is None else 1.0 - stands.value,
        None if stands.high is None else 1.0 - stands.high,
        None if stands.low is None else 1.0 - stands.low,
        stands.num_traces,
    )
    name = f"{one.low:.1f} to {one.high:.1f}"
    return JudgeGroupRow("Score", name, stands.num_traces, one.num_steps, one.promised, errors, None)


def build_judge_group_table(found: JudgeQuality) -> Table[JudgeGroupRow]:
    rows = list_judge_group_rows(found)
    return Table(
        name="groups",
        noun="group",
        rows=rows,
        order="",
        prefix="g-",
        page_size=12,
        columns=[
            Column("by", "By", lambda row: row.by),
            Column("group", "Group", lambda row: row.name, Kind.EXCERPT),
            Column("traces", "Traces", lambda row: row.num_traces, Kind.NUMBER),
            Column("step_count", "Steps", lambda row: row.num_steps, Kind.NUMBER),
            *list_estimate_columns("errors", "Errors", lambda row: row.errors),
            Column("promised", "Mean score", lambda row: row.promised, Kind.DECIMAL),
            *_list_measure("auc", "AUC", lambda quality: quality.auc),
            *_list_measure("brier", "Brier", lambda quality: quality.brier),
            *_list_measure("f1", "First-error F1", lambda quality: quality.first_errors.f1),
            *_list_measure(
                "found", "Errors located", lambda quality: quality.first_errors.on_errors, Kind.SHARE
            ),
            *_list_measure(
                "quiet", "Sound left alone", lambda quality: quality.first_errors.on_sound, Kind.SHARE
            ),
        ],
        filters=[find_by_words("Find a group", lambda row: row.name), filter_by_sort(rows)],
        empty="No trace that it scored has people’s word yet.",
    )


def _list_measure(
    key: str, title: str, find: Callable[[Quality], Estimate], kind: Kind = Kind.DECIMAL
) -> Iterator[Column[JudgeGroupRow]]:
    """Columns of a measure of traces, which scores don't have."""

    def find_in(row: JudgeGroupRow) -> Estimate | None:
        return None if row.quality is None else find(row.quality)

    return list_estimate_columns(key, title, find_in, kind)
