"""Lying bars under each other, each with its name and its numbers: a funnel, or shares of several parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Kind, write
from annotation.charts.drawing import (
    NARROW,
    Chart,
    Key,
    Rectangle,
    Shape,
    Table,
    Words,
    colour_of,
    place,
    shorten,
)

_ROW, _BAR, _LEAST_WIDTH = 40.0, 14.0, 1.5


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its name and its parts, each at least 0; `note` says what is stuck, or why."""

    label: str
    parts: tuple[float, ...]
    note: str = ""


def draw_funnel(
    stages: Sequence[Stage],
    *,
    key: str,
    title: str,
    description: str,
    part_names: Sequence[str],
    part_classes: Sequence[str] = (),
    kind: Kind = "number",
    digits: int = 0,
    width: float = NARROW,
) -> Chart:
    """The widest stage fills the width; each is labelled with its name and its total."""
    classes = list(part_classes) or [colour_of(i) for i in range(len(part_names))]
    most = max((sum(stage.parts) for stage in stages), default=0.0) or 1.0
    shapes: list[Shape] = []
    for index, stage in enumerate(stages):
        top = index * _ROW
        total = write(sum(stage.parts), kind, digits)
        shapes.append(Words("row-name", 0, top + 14, shorten(stage.label, 48)))
        shapes.append(Words("row-value", width, top + 14, total, "end"))
        shapes.append(Rectangle("track", 0, top + 20, width, _BAR))
        left = 0.0
        for part, css, name in zip(stage.parts, classes, part_names, strict=True):
            if part > 0:
                wide = max(part / most * width, _LEAST_WIDTH)
                hint = f"{stage.label}, {name}: {write(part, kind, digits)}"
                shapes.append(Rectangle(f"bar {css}", place(left), top + 20, place(wide), _BAR, hint))
                left += wide
    notes = any(stage.note for stage in stages)
    return Chart(
        key=key,
        title=title,
        description=description,
        width=width,
        height=max(len(stages), 1) * _ROW,
        shapes=tuple(shapes),
        table=Table(
            ("Stage", *part_names, *(["Note"] if notes else [])),
            tuple(
                (
                    stage.label,
                    *(write(part, kind, digits) for part in stage.parts),
                    *([stage.note] if notes else []),
                )
                for stage in stages
            ),
        ),
        legend=tuple(Key(css, name) for css, name in zip(classes, part_names, strict=True))
        if len(part_names) > 1
        else (),
    )
