"""A calibration plot: what was promised against what came true, with the diagonal on which both are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Axis, lay_plane, write, write_interval
from annotation.charts.drawing import NARROW, Chart, Dot, Path, Segment, Shape, Table, join_points

_SMALLEST, _LARGEST = 3.0, 9.0


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """Cases promised about `promised` on average, of which the share `came_true` did; `count` of them."""

    promised: float
    came_true: float
    low: float
    high: float
    count: int


def draw_calibration(
    points: Sequence[CalibrationPoint],
    *,
    key: str,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    unit: str,
    width: float = NARROW,
    height: float = 360.0,
) -> Chart:
    """A dot for each group of cases, the larger the more cases; `unit` is what is counted ("steps")."""
    x, y = Axis(x_label, 0.0, 1.0, "percent"), Axis(y_label, 0.0, 1.0, "percent")
    plane = lay_plane(x, y, [], [], width=width, height=height)
    most = max((point.count for point in points), default=1)
    places = [(plane.x.at(point.promised), plane.y.at(point.came_true)) for point in points]
    shapes: list[Shape] = [
        *plane.shapes,
        Segment("reference", plane.x.at(0), plane.y.at(0), plane.x.at(1), plane.y.at(1)),
    ]
    for (at, _), point in zip(places, points, strict=True):
        shapes.append(Segment("whisker series-1", at, plane.y.at(point.low), at, plane.y.at(point.high)))
    if len(places) > 1:
        shapes.append(Path("line line-thin series-1", join_points(places)))
    for (at_x, at_y), point in zip(places, points, strict=True):
        radius = round(_SMALLEST + (_LARGEST - _SMALLEST) * (point.count / most) ** 0.5, 1)
        shapes.append(Dot("dot series-1", at_x, at_y, radius, _describe(point, unit)))
    return Chart(
        key=key,
        title=title,
        description=description,
        width=width,
        height=height,
        shapes=tuple(shapes),
        table=Table(
            (x_label, y_label, unit.capitalize()),
            tuple(
                (
                    write(point.promised, "percent", 1),
                    write_interval(point.came_true, point.low, point.high, "percent", 0),
                    write(point.count, "number", 0),
                )
                for point in points
            ),
        ),
    )


def _describe(point: CalibrationPoint, unit: str) -> str:
    came = write_interval(point.came_true, point.low, point.high, "percent", 0)
    return f"{write(point.promised, 'percent', 1)} promised, {came} came true, {point.count:,} {unit}"
