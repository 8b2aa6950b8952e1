"""The charts of the page that holds judges against people."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.charts.axes import Axis, write
from annotation.charts.calibration import CalibrationPoint, draw_calibration
from annotation.charts.drawing import Chart
from annotation.charts.intervals import draw_intervals
from annotation.charts.lines import Point, Series, draw_lines
from annotation.charts.roc import RocCurve, draw_roc
from annotation.measuring.anchoring import Anchoring
from annotation.measuring.curves import Curve, CurvePoint
from annotation.measuring.judges import JudgeQuality, Quality, QualityGroup
from annotation.measuring.more_labels import LabelValue
from annotation.views.figures import chart_estimate, count
from annotation.views.measures import Measure, choose_shown, draw_measure, say_what_is_missing


def draw_bins(quality: JudgeQuality) -> Chart | None:
    """What the judge promises against what people say; None where no group of steps is large enough."""
    points = [
        CalibrationPoint(one.promised, one.stands.value, one.stands.low, one.stands.high, one.num_steps)
        for one in quality.bins
        if one.stands.value is not None and one.stands.low is not None and one.stands.high is not None
    ]
    if not points:
        return None
    gap = sum(abs(p.promised - p.came_true) * p.count for p in points) / sum(p.count for p in points)
    return draw_calibration(
        points,
        key="calibration",
        title="Calibration: what it promises and what people say",
        description="On the diagonal a step that gets 80 % stands in 80 of 100 cases. On average the judge is "
        f"{write(gap, 'percent', 0)} off it.",
        x_label="Judge: the step is correct",
        y_label="People: the step stands",
        unit="steps",
    )


def draw_judge_roc(quality: JudgeQuality) -> Chart | None:
    """Errors found against false alarms; None without enough errors."""
    auc = quality.overall.auc.value
    if not quality.roc or auc is None:
        return None
    return draw_roc(
        [RocCurve("Judge", quality.roc)],
        key="roc",
        title="ROC: errors found against false alarms",
        description=f"The area under the curve is {write(auc, 'number', 2)}; a coin has 0.50 and follows the diagonal.",
        x_label="Sound steps called bad",
        y_label="Errors found",
    )


def draw_groups(
    groups: Sequence[QualityGroup], measure: Measure[Quality], *, key: str, what: str
) -> Chart | None:
    """A measure for each model or each length."""
    estimates = [
        chart_estimate(group.name, measure.find(group.quality), _describe_group(group.quality))
        for group in groups
    ]
    return draw_measure(estimates, measure, key=key, what=what)


def _describe_group(quality: Quality) -> str:
    scored = quality.first_errors
    steps = f"{count(quality.num_steps, 'step')} with {count(quality.num_errors, 'error')}"
    return f"{count(scored.num_errors, 'trace')} with an error, {scored.num_sound:,} without; {steps}"


def draw_anchoring(found: Anchoring) -> Chart | None:
    """Assisted minus blind; None with too few ratings in an arm."""
    if found.steps.value is None:
        return None
    basis = f"{found.num_assisted:,} assisted, {found.num_blind:,} blind"
    estimates = [
        chart_estimate("Agreement on steps", found.steps, basis),
        chart_estimate("Agreement on the verdict", found.verdicts, basis),
    ]
    known = [f"{e.label.lower()} {write(e.value, 'percent', 0)}" for e in estimates if e.value is not None]
    return draw_intervals(
        estimates,
        key="anchoring",
        title="Anchoring: agreement with the judge, assisted minus blind",
        description=f"Right of the dashed line, raters who saw its scores agree with it more: {', '.join(known)}.",
        x=Axis("Assisted minus blind, 95 % interval", kind="percent"),
        digits=0,
        reference=0.0,
    )


def draw_all_anchoring(found: Sequence[tuple[str, Anchoring]]) -> Chart | None:
    """The effect of each judge version, by name; None with fewer than two, or where none can be told."""
    if len(found) < 2 or all(one.steps.value is None for _, one in found):
        return None
    estimates = choose_shown(
        [
            chart_estimate(name, one.steps, f"{one.num_assisted:,} assisted, {one.num_blind:,} blind")
            for name, one in found
        ]
    )
    known = [f"{e.label} {write(e.value, 'percent', 0)}" for e in estimates if e.value is not None]
    return draw_intervals(
        estimates,
        key="all-anchoring",
        title="Anchoring: agreement on steps with each judge version, assisted minus blind",
        description=f"{', '.join(known)}.",
        x=Axis("Assisted minus blind, 95 % interval", kind="percent"),
        digits=0,
        reference=0.0,
        note=say_what_is_missing(len(found) - len(estimates), "judge version", "the table of judges"),
    )


def draw_label_error(found: LabelValue) -> Chart | None:
    return _draw_curve(
        found.label_error,
        key="label-error",
        title="Label error against human-rated traces",
        y=Axis("Label error (mean square)", 0.0),
        digits=3,
    )


def draw_interval_width(found: LabelValue) -> Chart | None:
    return _draw_curve(
        found.interval_width,
        key="interval-width",
        title="Interval width against human-rated traces",
        y=Axis("Width of the share of traces with an error", 0.0, kind="percent"),
        digits=1,
    )


def _draw_curve(curve: Curve | None, *, key: str, title: str, y: Axis, digits: int) -> Chart | None:
    if curve is None:
        return None
    first, last = curve.seen[0], curve.seen[-1]
    series = [Series("By subsampling", _points_of(curve.seen))]
    expected = "what more would bring can't be told yet"
    if curve.ahead:
        series.append(Series("Expected", _points_of((curve.now, *curve.ahead))))
        end = curve.ahead[-1]
        expected = f"expected with {end.num_traces:,}: {write(end.value, y.kind, digits)}"
    return draw_lines(
        series,
        key=key,
        title=title,
        description=f"From {write(first.value, y.kind, digits)} with {first.num_traces:,} rated traces to "
        f"{write(last.value, y.kind, digits)} with {last.num_traces:,}; {expected}.",
        x=Axis("Human-rated traces", 0.0, kind="count"),
        y=y,
        digits=digits,
    )


def _points_of(points: Sequence[CurvePoint]) -> tuple[Point, ...]:
    return tuple(Point(p.num_traces, p.value, p.low, p.high) for p in points)
