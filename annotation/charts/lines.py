"""Lines over numbers or days, each with a band for its interval: what changes over time, or with more of something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Axis, Plane, lay_plane, write, write_interval
from annotation.charts.drawing import (
    NARROW,
    Chart,
    Dot,
    Key,
    Path,
    Segment,
    Shape,
    Table,
    colour_of,
    join_points,
)

_DOTS_UP_TO = 40  # more points than that are a line, not a string of beads


@dataclass(frozen=True, slots=True)
class Point:
    """`low` and `high` are the ends of its interval; `note` follows the numbers in hints and in the table."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Points in order of x. A series of one point is a dot."""

    name: str
    points: tuple[Point, ...]


def draw_lines(
    series: Sequence[Series],
    *,
    key: str,
    title: str,
    description: str,
    x: Axis,
    y: Axis,
    digits: int = 2,
    reference: float | None = None,
    width: float = NARROW,
    height: float = 260.0,
) -> Chart:
    """One line a series. `digits`: decimals of y in hints and table. `reference`: a y at which a dashed line runs."""
    points = [point for one in series for point in one.points]
    ys = [number for p in points for number in (p.y, p.low, p.high) if number is not None]
    ys += [] if reference is None else [reference]
    plane = lay_plane(x, y, [point.x for point in points], ys, width=width, height=height)
    shapes = list(plane.shapes)
    if reference is not None:
        at = plane.y.at(reference)
        shapes.append(Segment("reference", plane.x.start, at, plane.x.end, at))
    shapes += [shape for i, one in enumerate(series) for shape in _draw_band(one, plane, colour_of(i))]
    shapes += [shape for i, one in enumerate(series) for shape in _draw_line(one, plane, i, x, y, digits)]
    return Chart(
        key=key,
        title=title,
        description=description,
        width=width,
        height=height,
        shapes=tuple(shapes),
        table=_make_table(series, x, y, digits),
        legend=tuple(Key(colour_of(i), one.name) for i, one in enumerate(series)) if len(series) > 1 else (),
    )


def _draw_band(series: Series, plane: Plane, css: str) -> list[Shape]:
    known = [(p.x, p.low, p.high) for p in series.points if p.low is not None and p.high is not None]
    if len(known) == 1:
        x, low, high = known[0]
        return [Segment(f"whisker {css}", plane.x.at(x), plane.y.at(low), plane.x.at(x), plane.y.at(high))]
    there = [(plane.x.at(x), plane.y.at(high)) for x, _, high in known]
    back = [(plane.x.at(x), plane.y.at(low)) for x, low, _ in reversed(known)]
    return [Path(f"band {css}", join_points([*there, *back], is_closed=True))] if known else []


def _draw_line(series: Series, plane: Plane, index: int, x: Axis, y: Axis, digits: int) -> list[Shape]:
    css = colour_of(index)
    places = [(plane.x.at(point.x), plane.y.at(point.y)) for point in series.points]
    shapes: list[Shape] = [Path(f"line {css}", join_points(places))] if len(places) > 1 else []
    if len(places) <= _DOTS_UP_TO:
        shapes += [
            Dot(f"dot {css}", at_x, at_y, 3.5, f"{series.name}, {_describe(point, x, y, digits)}")
            for (at_x, at_y), point in zip(places, series.points, strict=True)
        ]
    return shapes


def _describe(point: Point, x: Axis, y: Axis, digits: int) -> str:
    value = write_interval(point.y, point.low, point.high, y.kind, digits)
    where = write(point.x, x.kind, 0 if x.kind == "date" else None)
    return f"{where}: {value}" + (f", {point.note}" if point.note else "")


def _make_table(series: Sequence[Series], x: Axis, y: Axis, digits: int) -> Table:
    """One row for each x, one column for each series."""
    xs = sorted({point.x for one in series for point in one.points})
    cells = [{point.x: point for point in one.points} for one in series]
    rows = []
    for value in xs:
        row = [write(value, x.kind, 0 if x.kind == "date" else None)]
        for of_series in cells:
            point = of_series.get(value)
            text = write_interval(point.y, point.low, point.high, y.kind, digits) if point else "–"
            row.append(f"{text}, {point.note}" if point and point.note else text)
        rows.append(tuple(row))
    names = [one.name for one in series] if len(series) > 1 else [y.label]
    return Table((x.label, *names), tuple(rows))
