"""A ROC curve: at every threshold, how many of the errors are found against how many false alarms are raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Axis, lay_plane, write
from annotation.charts.drawing import (
    NARROW,
    Chart,
    Key,
    Path,
    Segment,
    Shape,
    Table,
    colour_of,
    join_points,
)

_ROWS_OF_TABLE = 20


@dataclass(frozen=True, slots=True)
class RocCurve:
    """`points` are (false alarms, errors found), both rising from (0, 0) to (1, 1)."""

    name: str
    points: tuple[tuple[float, float], ...]


def draw_roc(
    curves: Sequence[RocCurve],
    *,
    key: str,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    width: float = NARROW,
    height: float = 360.0,
) -> Chart:
    """One curve a name, and the diagonal of a coin. The table holds at most 20 points of each curve."""
    x, y = Axis(x_label, 0.0, 1.0, "percent"), Axis(y_label, 0.0, 1.0, "percent")
    plane = lay_plane(x, y, [], [], width=width, height=height)
    shapes: list[Shape] = [
        *plane.shapes,
        Segment("reference", plane.x.at(0), plane.y.at(0), plane.x.at(1), plane.y.at(1)),
    ]
    rows: list[tuple[str, ...]] = []
    for index, curve in enumerate(curves):
        places = [(plane.x.at(a), plane.y.at(b)) for a, b in curve.points]
        shapes.append(Path(f"line {colour_of(index)}", join_points(places)))
        rows += [(curve.name, write(a, "percent", 1), write(b, "percent", 1)) for a, b in _thin(curve.points)]
    return Chart(
        key=key,
        title=title,
        description=description,
        width=width,
        height=height,
        shapes=tuple(shapes),
        table=Table(("", x_label, y_label), tuple(rows)),
        legend=tuple(Key(colour_of(i), c.name) for i, c in enumerate(curves)) if len(curves) > 1 else (),
    )


def _thin(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Evenly chosen points, the first and the last among them."""
    if len(points) <= _ROWS_OF_TABLE:
        return list(points)
    last = len(points) - 1
    return [points[round(i * last / (_ROWS_OF_TABLE - 1))] for i in range(_ROWS_OF_TABLE)]
