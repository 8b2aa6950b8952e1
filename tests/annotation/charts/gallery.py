"""One chart of each kind, small enough to check by hand."""

from __future__ import annotations

import datetime as dt

from annotation.charts.axes import Axis
from annotation.charts.bars import Bar, draw_bars
from annotation.charts.calibration import CalibrationPoint, draw_calibration
from annotation.charts.drawing import Chart
from annotation.charts.funnel import Stage, draw_funnel
from annotation.charts.heat_map import Cell, draw_heat_map
from annotation.charts.intervals import Estimate, draw_intervals
from annotation.charts.lines import Point, Series, draw_lines
from annotation.charts.roc import RocCurve, draw_roc

MONDAY = dt.date(2026, 3, 2).toordinal()
WEEKS = Axis("Week", kind="date")
SHARE = Axis("Agreement", 0.0, 1.0, "percent")


def make_lines() -> Chart:
    points = tuple(Point(MONDAY + 7 * i, 0.7 + i / 20, 0.6 + i / 20, 0.8 + i / 20) for i in range(4))
    other = tuple(Point(MONDAY + 7 * i, 0.5 - i / 20, note=f"{i} traces") for i in range(1, 4))
    return draw_lines(
        [Series("People", points), Series("Judges <b>", other)],
        key="lines",
        title="Agreement by week",
        description="People agree more and more.",
        x=WEEKS,
        y=SHARE,
        reference=0.5,
    )


def make_bars() -> Chart:
    return draw_bars(
        [Bar("Mon", (4.0, 2.0)), Bar("Tue", (0.0, 0.0)), Bar("Wed", (8.0, 0.001))],
        key="bars",
        title="Ratings by day",
        description="Most on Wednesday.",
        x_label="Day",
        y=Axis("Ratings", kind="count"),
        part_names=("Blind", "Assisted"),
    )


def make_funnel() -> Chart:
    return draw_funnel(
        [Stage("Traces", (100.0, 0.0)), Stage("Rated", (40.0, 10.0), note="50 wait for a rater")],
        key="funnel",
        title="From trace to label",
        description="Half are rated.",
        part_names=("Done", "Under way"),
        part_classes=("good", "warn"),
    )


def make_intervals() -> Chart:
    return draw_intervals(
        [
            Estimate("judge@1", 0.12, 0.02, 0.22, "80 pairs"),
            Estimate("judge@2", None, basis="no assisted rating"),
        ],
        key="intervals",
        title="Anchoring",
        description="Assisted raters agree more with judge@1.",
        x=Axis("Assisted minus blind", kind="number"),
        reference=0.0,
    )


def make_calibration() -> Chart:
    return draw_calibration(
        [CalibrationPoint(0.1, 0.3, 0.2, 0.4, 25), CalibrationPoint(0.9, 0.8, 0.7, 0.9, 100)],
        key="calibration",
        title="Promised and true",
        description="Too sure of itself.",
        x_label="Promised",
        y_label="Came true",
        unit="steps",
    )


def make_roc(num_points: int = 3) -> Chart:
    points = tuple((i / (num_points - 1), (i / (num_points - 1)) ** 0.5) for i in range(num_points))
    return draw_roc(
        [RocCurve("judge@1", points), RocCurve("judge@2", ((0.0, 0.0), (1.0, 1.0)))],
        key="roc",
        title="Errors found against false alarms",
        description="Better than a coin.",
        x_label="False alarms",
        y_label="Errors found",
    )


def make_heat_map() -> Chart:
    return draw_heat_map(
        ["Ann", "Bob with a very long name"],
        ["Ann", "Bob with a very long name"],
        [[Cell(None), Cell(0.8, "12 traces")], [Cell(0.8, "12 traces"), Cell(1.0)]],
        key="heat",
        title="Who agrees with whom",
        description="Ann and Bob agree on 80 %.",
    )


EVERY_KIND = (make_lines, make_bars, make_funnel, make_intervals, make_calibration, make_roc, make_heat_map)
