"""What every chart is made of: shapes with CSS classes, a legend, words for who can't see it, and the table behind it.

One template (templates/components/chart.html) draws any `Chart`, and static/css/charts.css gives the classes their
colours, light and dark. Coordinates are in the units of the viewBox: x to the right, y downwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

NARROW = 440.0
"""Width of a chart that is read at a phone's width without scrolling."""
WIDE = 760.0
_HEADROOM = 18.0
NUM_COLOURS = 6
"""Series beyond the sixth take the first's colour again; the table names each."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled box; `hint` is shown while the pointer rests on it."""

    shape: ClassVar[str] = "rectangle"
    css: str
    x: float
    y: float
    width: float
    height: float
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight line."""

    shape: ClassVar[str] = "segment"
    css: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Path:
    """A line or an area through many points; `d` is SVG's path data."""

    shape: ClassVar[str] = "path"
    css: str
    d: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A circle around (x, y)."""

    shape: ClassVar[str] = "dot"
    css: str
    x: float
    y: float
    radius: float
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A short text; `anchor` says which end of it stands at x: start, middle or end."""

    shape: ClassVar[str] = "words"
    css: str
    x: float
    y: float
    text: str
    anchor: str = "start"


Shape = Rectangle | Segment | Path | Dot | Words


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend: a name, and the class that gives its colour."""

    css: str
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a chart, as text; the first cell of a row names it."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Whatever kind of chart, ready to be drawn. `key` is unique on its page: ids are made of it. `note`: a sentence
    under it, such as what it has no room for."""

    key: str
    title: str
    description: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    table: Table
    legend: tuple[Key, ...] = ()
    note: str = ""

    @property
    def view_box(self) -> str:
        """With room above the plane, where the y axis's name stands."""
        return f"0 {-_HEADROOM:g} {self.width:g} {self.height + _HEADROOM:g}"

    @property
    def is_wide(self) -> bool:
        """Whether it scrolls sideways on a phone rather than becoming too small to read."""
        return self.width > NARROW


def place(value: float) -> float:
    """A coordinate, to a tenth of a unit: more would only make the page longer."""
    return round(value, 1)


def join_points(points: Iterable[tuple[float, float]], *, is_closed: bool = False) -> str:
    """Path data of straight lines through the points.

    >>> join_points([(0, 0), (10, 2.04)])
    'M0 0L10 2'
    """
    steps = [f"{place(x):g} {place(y):g}" for x, y in points]
    return "M" + "L".join(steps) + ("Z" if is_closed else "") if steps else ""


def colour_of(index: int) -> str:
    """The class of the series with this index, counted from 0."""
    return f"series-{index % NUM_COLOURS + 1}"


def shorten(text: str, length: int) -> str:
    """At most `length` characters, with an ellipsis where some are left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
