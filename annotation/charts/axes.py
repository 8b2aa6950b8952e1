"""Axes: from a number to a place, ticks at round numbers, and how a number is written on them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from annotation.charts.drawing import Segment, Shape, Words, place

Kind = Literal["number", "count", "percent", "date"]
LEFT, RIGHT, TOP, BOTTOM = 52.0, 22.0, 12.0, 46.0


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis measures. `low` and `high` fix its ends; where None, the data and round numbers decide.

    kind: `count` has whole ticks only; `percent` writes 0.25 as 25 %; `date` takes days as `date.toordinal()` does.
    """

    label: str
    low: float | None = None
    high: float | None = None
    kind: Kind = "number"


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `low`..`high` to `start`..`end` (start > end turns it round, as for y)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands; values outside are kept at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return place(self.start + share * (self.end - self.start))


def choose_ticks(low: float, high: float, most: int = 6, *, least_step: float = 0.0) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, about `most` of them.

    >>> choose_ticks(0, 37)
    [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    size = max(1.0, abs(low), abs(high))
    if high - low < 1e-6 * size:  # all the same: some room around it
        low, high = low - size / 2, low + size / 2
    rough = max((high - low) / max(most - 1, 1), least_step)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def make_ticks(axis: Axis, values: Sequence[float], most: int = 6) -> list[float]:
    """The ticks of an axis over these values; fixed ends are ticks themselves."""
    known = list(values) or [0.0, 1.0]
    low = axis.low if axis.low is not None else min(known)
    high = axis.high if axis.high is not None else max(known)
    if axis.kind == "date":
        return _choose_days(low, high, most)
    ticks = choose_ticks(low, high, most, least_step=1.0 if axis.kind == "count" else 0.0)
    if axis.low is not None:
        ticks = [low, *(tick for tick in ticks if tick > low + 1e-9)]
    if axis.high is not None and high > low:
        ticks = [*(tick for tick in ticks if tick < high - 1e-9), high]
    return ticks


def _choose_days(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(low), math.ceil(high)
    if first == last:  # a single day stands in the middle
        first, last = first - 1, last + 1
    step = math.ceil((last - first) / max(most - 1, 1))
    return [float(day) for day in range(first, last + step, step)]


def write(value: float, kind: Kind, digits: int | None = None) -> str:
    """A number as its axis shows it. `digits`: decimals; None for as many as it takes, at most three.

    >>> write(0.25, "percent"), write(1200, "number"), write(0.125, "number", 2)
    ('25 %', '1,200', '0.12')
    """
    if kind == "date":
        day = dt.date.fromordinal(round(value))
        return f"{day.day} {day:%b}" if digits is None else f"{day.day} {day:%b %Y}"
    number = value * 100 if kind == "percent" else value
    text = f"{number:,.{3 if digits is None else digits}f}"
    if digits is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    text = text.lstrip("-") if not text.strip("-0.") else text
    return f"{text} %" if kind == "percent" else text


def write_interval(
    value: float | None, low: float | None, high: float | None, kind: Kind, digits: int
) -> str:
    """A value with its interval, or a dash where it isn't known."""
    if value is None:
        return "–"
    if low is None or high is None:
        return write(value, kind, digits)
    return f"{write(value, kind, digits)} ({write(low, kind, digits)} to {write(high, kind, digits)})"


@dataclass(frozen=True, slots=True)
class Plane:
    """Two scales, and the shapes that show them: grid, ticks and the axes' names."""

    x: Scale
    y: Scale
    shapes: tuple[Shape, ...]


def lay_plane(
    x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[float], *, width: float, height: float
) -> Plane:
    """The plane for points with these coordinates."""
    x_ticks, y_ticks = make_ticks(x, xs, 5 if width < 500 else 8), make_ticks(y, ys)
    across = Scale(x_ticks[0], x_ticks[-1], LEFT, width - RIGHT)
    upwards = Scale(y_ticks[0], y_ticks[-1], height - BOTTOM, TOP)
    marks: list[Shape] = []
    for tick in y_ticks:
        at = upwards.at(tick)
        marks.append(Segment("grid", LEFT, at, width - RIGHT, at))
        marks.append(Words("tick", LEFT - 8, place(at + 4), write(tick, y.kind), "end"))
    for tick in x_ticks:
        marks.append(Words("tick", across.at(tick), height - BOTTOM + 18, write(tick, x.kind), "middle"))
    return Plane(across, upwards, (*marks, *name_axes(x.label, y.label, width, height)))


def name_axes(x_label: str, y_label: str, width: float, height: float) -> tuple[Shape, ...]:
    """The axis line and the two names. The y axis's stands on top of it, where it reads like any text."""
    return (
        Segment("axis", LEFT, height - BOTTOM, width - RIGHT, height - BOTTOM),
        Words("axis-name", (LEFT + width - RIGHT) / 2, height - 6, x_label, "middle"),
        Words("axis-name", 2, -4, y_label),
    )
