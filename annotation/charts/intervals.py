"""Estimates under each other, each a dot with its interval on one axis: what differs from what, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import RIGHT, TOP, Axis, Scale, make_ticks, write, write_interval
from annotation.charts.drawing import NARROW, Chart, Dot, Segment, Shape, Table, Words, place, shorten

_ROW, _BOTTOM = 40.0, 46.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` is None where there is too little to say; `basis` says what it rests on ("120 traces")."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    basis: str = ""


def draw_intervals(
    estimates: Sequence[Estimate],
    *,
    key: str,
    title: str,
    description: str,
    x: Axis,
    digits: int = 2,
    reference: float | None = None,
    note: str = "",
    width: float = NARROW,
) -> Chart:
    """One row an estimate. `reference`: an x at which a dashed line runs, such as no difference."""
    numbers = [number for e in estimates for number in (e.value, e.low, e.high) if number is not None]
    ticks = make_ticks(x, numbers + ([] if reference is None else [reference]), 5)
    scale = Scale(ticks[0], ticks[-1], 16.0, width - RIGHT - 8)
    foot = TOP + len(estimates) * _ROW
    shapes: list[Shape] = [Segment("grid", scale.at(tick), TOP, scale.at(tick), foot) for tick in ticks]
    shapes += [Words("tick", scale.at(tick), foot + 18, write(tick, x.kind), "middle") for tick in ticks]
    if reference is not None:
        shapes.append(Segment("reference", scale.at(reference), TOP, scale.at(reference), foot))
    for index, estimate in enumerate(estimates):
        shapes += _draw_row(estimate, TOP + index * _ROW, scale, x, digits, width)
    shapes.append(Segment("axis", scale.start, foot, scale.end, foot))
    shapes.append(Words("axis-name", width / 2, foot + _BOTTOM - 8, x.label, "middle"))
    rows = tuple(
        (e.label, write_interval(e.value, e.low, e.high, x.kind, digits), e.basis) for e in estimates
    )
    return Chart(
        key=key,
        title=title,
        description=description,
        width=width,
        height=foot + _BOTTOM,
        shapes=tuple(shapes),
        table=Table(("", x.label, "Rests on"), rows),
        note=note,
    )


def _draw_row(e: Estimate, top: float, scale: Scale, x: Axis, digits: int, width: float) -> list[Shape]:
    text = write_interval(e.value, e.low, e.high, x.kind, digits)
    shapes: list[Shape] = [
        Words("row-name", 0, top + 14, shorten(e.label, 34)),
        Words("row-value", width, top + 14, text if e.value is not None else "too little to say", "end"),
    ]
    middle = place(top + 27)
    if e.low is not None and e.high is not None:
        shapes.append(Segment("whisker series-1", scale.at(e.low), middle, scale.at(e.high), middle))
    if e.value is not None:
        hint = f"{e.label}: {text}" + (f", {e.basis}" if e.basis else "")
        shapes.append(Dot("dot series-1", scale.at(e.value), middle, 4.5, hint))
    return shapes
