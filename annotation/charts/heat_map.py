"""A heat map: one cell for each pair of a row and a column, the darker the higher, with its number written in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Kind, write
from annotation.charts.drawing import NARROW, Chart, Rectangle, Shape, Table, Words, place, shorten

_NAMES, _HEAD, _CELL_HEIGHT, _LEAST_CELL = 156.0, 24.0, 34.0, 48.0
NUM_LEVELS = 9


@dataclass(frozen=True, slots=True)
class Cell:
    """`value` is None where there is nothing to say; `note` says what it rests on."""

    value: float | None
    note: str = ""


def draw_heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    *,
    marks: Sequence[str] = (),
    key: str,
    title: str,
    description: str,
    low: float = 0.0,
    high: float = 1.0,
    kind: Kind = "percent",
    digits: int = 0,
    width: float = NARROW,
) -> Chart:
    """`cells[r][c]` belongs to row r and column c; `low` and `high` are the ends of the colours.

    marks: what stands over each column, where its name is too long; its name still is in hints and in the table. Many
    columns make it wider than `width`.
    """
    across = max((width - _NAMES) / max(len(columns), 1), _LEAST_CELL)
    room = max(int(across // 8), 4)
    shapes: list[Shape] = [
        Words("tick", place(_NAMES + (c + 0.5) * across), 14, shorten(name, room), "middle")
        for c, name in enumerate(marks or columns)
    ]
    for r, (name, of_row) in enumerate(zip(rows, cells, strict=True)):
        top = _HEAD + r * _CELL_HEIGHT
        shapes.append(Words("tick", _NAMES - 8, place(top + _CELL_HEIGHT / 2 + 4), shorten(name, 22), "end"))
        for c, cell in enumerate(of_row):
            text = "–" if cell.value is None else write(cell.value, kind, digits)
            hint = f"{name}, {columns[c]}: {text}" + (f", {cell.note}" if cell.note else "")
            left = _NAMES + c * across
            shapes.append(
                Rectangle(
                    _level(cell.value, low, high), place(left + 1), top + 1, place(across - 2), 32, hint
                )
            )
            shapes.append(Words("cell", place(left + across / 2), place(top + 21), text, "middle"))
    return Chart(
        key=key,
        title=title,
        description=description,
        width=place(_NAMES + len(columns) * across),
        height=_HEAD + len(rows) * _CELL_HEIGHT + 2,
        shapes=tuple(shapes),
        table=Table(
            ("", *columns),
            tuple(
                (name, *(_describe(cell, kind, digits) for cell in of_row))
                for name, of_row in zip(rows, cells, strict=True)
            ),
        ),
    )


def _level(value: float | None, low: float, high: float) -> str:
    """The class of a cell's colour: heat-none, or heat-0 to heat-8."""
    if value is None:
        return "heat-none"
    share = (min(max(value, low), high) - low) / (high - low)
    return f"heat-{min(int(share * NUM_LEVELS), NUM_LEVELS - 1)}"


def _describe(cell: Cell, kind: Kind, digits: int) -> str:
    text = "–" if cell.value is None else write(cell.value, kind, digits)
    return f"{text}, {cell.note}" if cell.note else text
