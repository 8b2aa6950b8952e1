"""What the page of judges shows of a report: one judge in full, and what more labels would buy."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.charts.drawing import Chart
from annotation.measuring.judges import Quality
from annotation.measuring.more_labels import MIN_RATED_TRACES, LabelValue
from annotation.measuring.reports import JudgeReport, JudgesReport
from annotation.merging.calibration import MIN_EXPECTED_ERRORS, MIN_TRACES
from annotation.models import Judge, Project
from annotation.queries.quality_reports import JudgeCalibration, find_calibration
from annotation.tables.quality import JudgeRow
from annotation.views.figures import Figure, show_estimate
from annotation.views.judge_charts import (
    draw_anchoring,
    draw_bins,
    draw_groups,
    draw_interval_width,
    draw_judge_roc,
    draw_label_error,
)
from annotation.views.measures import Measure


@dataclass(frozen=True)
class JudgePage:
    """One judge version in full. `calibration`: what the newest merge made of it."""

    judge: Judge
    report: JudgeReport
    figures: tuple[Figure, ...]
    calibration: JudgeCalibration | None
    min_traces: int
    min_errors: int
    bins: Chart | None
    roc: Chart | None
    by_model: Chart | None
    by_length: Chart | None
    anchoring: Chart | None


@dataclass(frozen=True)
class MoreLabelsPage:
    """`needs_traces`: whether the furthest look ahead is at more rated traces than there are to rate."""

    found: LabelValue
    min_traces: int
    label_error: Chart | None
    interval_width: Chart | None
    needs_traces: bool


def list_judge_rows(report: JudgesReport) -> list[JudgeRow]:
    """The report's judges with their names, those with most of people's word first."""
    judges = Judge.objects.in_bulk([one.quality.judge for one in report.judges])
    rows = [
        JudgeRow(str(judge), judge.get_kind_display(), one)
        for one in report.judges
        if (judge := judges.get(one.quality.judge)) is not None
    ]
    return sorted(rows, key=lambda row: (-row.report.quality.overall.num_traces, row.name))


def describe_judge(
    project: Project, report: JudgesReport, wanted: str, measure: Measure[Quality]
) -> JudgePage | None:
    """The judge with this id, or else the one that people can say most of; None where there is none.

    measure: what the charts of groups show.
    """
    known = {str(one.quality.judge): one for one in report.judges}
    most = max(report.judges, key=lambda one: one.quality.overall.num_traces, default=None)
    chosen = known.get(wanted, most)
    judge = Judge.objects.filter(pk=chosen.quality.judge).first() if chosen else None
    if chosen is None or judge is None:
        return None
    quality = chosen.quality
    return JudgePage(
        judge=judge,
        report=chosen,
        figures=(
            show_estimate("Area under ROC", quality.overall.auc, "number"),
            show_estimate("Brier score", quality.overall.brier, "number"),
            show_estimate("First-error F1", quality.overall.first_errors.f1, "number"),
            show_estimate("Errors located", quality.overall.first_errors.on_errors),
            show_estimate("Sound left alone", quality.overall.first_errors.on_sound),
            show_estimate("Anchoring on steps", chosen.anchoring.steps),
        ),
        calibration=find_calibration(project, str(judge)),
        min_traces=MIN_TRACES,
        min_errors=round(MIN_EXPECTED_ERRORS),
        bins=draw_bins(quality),
        roc=draw_judge_roc(quality),
        by_model=draw_groups(quality.by_model, measure, key="judge-by-model", what="model"),
        by_length=draw_groups(quality.by_length, measure, key="judge-by-length", what="length"),
        anchoring=draw_anchoring(chosen.anchoring),
    )


def describe_more_labels(found: LabelValue) -> MoreLabelsPage:
    return MoreLabelsPage(
        found=found,
        min_traces=MIN_RATED_TRACES,
        label_error=draw_label_error(found),
        interval_width=draw_interval_width(found),
        needs_traces=found.interval_width is not None
        and found.interval_width.ahead[-1].num_traces > found.num_scored,
    )
