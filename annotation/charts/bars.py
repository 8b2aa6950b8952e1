"""Upright bars, stacked where each has several parts: counts a day, or how many fall in each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Axis,
    Scale,
    make_ticks,
    name_axes,
    write,
)
from annotation.charts.drawing import (
    NARROW,
    Chart,
    Key,
    Rectangle,
    Segment,
    Shape,
    Table,
    Words,
    colour_of,
    place,
)

_LEAST_HEIGHT = 1.5  # one in a million still shows
_ROOM_FOR_A_LABEL = 46.0
_WIDEST = 64.0


@dataclass(frozen=True, slots=True)
class Bar:
    """`parts` are at least 0 and stand on each other, the first at the bottom."""

    label: str
    parts: tuple[float, ...]


def draw_bars(
    bars: Sequence[Bar],
    *,
    key: str,
    title: str,
    description: str,
    x_label: str,
    y: Axis,
    part_names: Sequence[str],
    part_classes: Sequence[str] = (),
    digits: int = 0,
    width: float = NARROW,
    height: float = 260.0,
) -> Chart:
    """One bar after another. `part_names` name what each part counts; `part_classes` replace the series' colours,
    say by ("good", "neutral", "bad")."""
    classes = list(part_classes) or [colour_of(i) for i in range(len(part_names))]
    most = max((sum(bar.parts) for bar in bars), default=0.0) or 1.0
    ticks = make_ticks(Axis(y.label, 0.0, y.high, y.kind), [0.0, most])
    scale = Scale(ticks[0], ticks[-1], height - BOTTOM, TOP)
    shapes: list[Shape] = []
    for tick in ticks:
        shapes.append(Segment("grid", LEFT, scale.at(tick), width - RIGHT, scale.at(tick)))
        shapes.append(Words("tick", LEFT - 8, place(scale.at(tick) + 4), write(tick, y.kind), "end"))
    slot = (width - LEFT - RIGHT) / max(len(bars), 1)
    every = max(1, -(-int(_ROOM_FOR_A_LABEL) // max(int(slot), 1)))
    for index, bar in enumerate(bars):
        left = LEFT + index * slot
        shapes += _stack(bar, left, slot, scale, classes, part_names, y, digits)
        if index % every == 0:
            shapes.append(Words("tick", place(left + slot / 2), height - BOTTOM + 18, bar.label, "middle"))
    shapes += name_axes(x_label, y.label, width, height)
    return Chart(
        key=key,
        title=title,
        description=description,
        width=width,
        height=height,
        shapes=tuple(shapes),
        table=Table(
            (x_label, *part_names),
            tuple((bar.label, *(write(part, y.kind, digits) for part in bar.parts)) for bar in bars),
        ),
        legend=tuple(Key(css, name) for css, name in zip(classes, part_names, strict=True))
        if len(part_names) > 1
        else (),
    )


def _stack(
    bar: Bar,
    left: float,
    slot: float,
    scale: Scale,
    classes: Sequence[str],
    names: Sequence[str],
    y: Axis,
    digits: int,
) -> list[Shape]:
    gap = max(min(slot * 0.2, 6.0), slot - _WIDEST)
    shapes: list[Shape] = []
    below = 0.0
    for part, css, name in zip(bar.parts, classes, names, strict=True):
        foot, head = scale.at(below), scale.at(below + part)
        below += part
        if part > 0:
            tall = place(max(foot - head, _LEAST_HEIGHT))
            hint = f"{bar.label}, {name}: {write(part, y.kind, digits)}"
            shapes.append(
                Rectangle(
                    f"bar {css}", place(left + gap / 2), place(foot - tall), place(slot - gap), tall, hint
                )
            )
    return shapes
