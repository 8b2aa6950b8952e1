"""What the agreement page shows of a report: figures, charts, and the words around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotation.charts.axes import write
from annotation.charts.drawing import Chart
from annotation.measuring.agreement import Agreement
from annotation.measuring.prediction_powered import PoweredMean
from annotation.measuring.reports import AgreementReport
from annotation.views.agreement_charts import (
    MOST_RATERS,
    draw_groups,
    draw_over_time,
    draw_raters,
    draw_values,
)
from annotation.views.figures import Figure, show_estimate
from annotation.views.measures import Measure


@dataclass(frozen=True)
class Everywhere:
    """The share of all traces with an error, in words. `trust`: how far judges are believed, in per cent."""

    value: str
    low: str
    high: str
    trust: str
    num_rated: int
    num_traces: int
    num_effective: int


@dataclass(frozen=True)
class AgreementPage:
    """`num_hidden_raters`: raters beyond those that the heat map has room for."""

    report: AgreementReport
    figures: tuple[Figure, ...]
    everywhere: Everywhere | None
    over_time: Chart | None
    by_model: Chart | None
    by_length: Chart | None
    by_label: Chart | None
    by_category: Chart | None
    raters: Chart | None
    num_hidden_raters: int


def describe_agreement(
    report: AgreementReport, measure: Measure[Agreement], names: Mapping[int, str]
) -> AgreementPage:
    """The whole page of a report. measure: what the charts of groups show; names: of the raters in it."""
    overall = report.overall
    raters = {rater for pair in report.pairs for rater in (pair.one, pair.other)}
    alike = "all the same, so chance explains it too"
    return AgreementPage(
        report=report,
        figures=(
            show_estimate("Raters who found an error", overall.prevalence),
            show_estimate("Verdict agreed", overall.agreed),
            show_estimate("Gwet’s AC1", overall.ac1, "number"),
            show_estimate("Krippendorff’s alpha", overall.alpha, "number", silent=alike),
            show_estimate("Same first error", overall.first_error),
            show_estimate("Ordinal alpha on steps", overall.step_alpha, "number", silent=alike),
        ),
        everywhere=_describe_everywhere(report.errors_everywhere),
        over_time=draw_over_time(report.over_time, measure),
        by_model=draw_groups(report.by_model, measure, key="by-model", what="model"),
        by_length=draw_groups(report.by_length, measure, key="by-length", what="length"),
        by_label=draw_values(report.by_label, key="by-label", title="By label", noun="label"),
        by_category=draw_values(
            report.by_category, key="by-category", title="By kind of error", noun="kind of error"
        ),
        raters=draw_raters(report.pairs, names),
        num_hidden_raters=max(0, len(raters) - MOST_RATERS),
    )


def _describe_everywhere(mean: PoweredMean | None) -> Everywhere | None:
    if mean is None:
        return None
    low, high = max(0.0, mean.low), min(1.0, mean.high)
    return Everywhere(
        value=write(min(max(mean.value, 0.0), 1.0), "percent", 0),
        low=write(low, "percent", 0),
        high=write(high, "percent", 0),
        trust=write(mean.trust, "percent", 0),
        num_rated=mean.num_labelled,
        num_traces=mean.num_predicted,
        num_effective=round(mean.num_effective),
    )
