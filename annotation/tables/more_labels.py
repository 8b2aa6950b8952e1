"""The table behind "what more labels would buy": both curves, as seen and as expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from annotation.measuring.curves import Curve, CurvePoint
from annotation.measuring.more_labels import LabelValue
from annotation.tables.table import Column, Filter, Kind, Table

_WHAT = (("error", "Label error"), ("width", "Interval width"))
_FROM = (("expected", "Expected"), ("now", "Now"), ("seen", "By subsampling"))


@dataclass(frozen=True)
class ProspectRow:
    """One point of one curve. `further`: rated traces beyond what is there, below 0 for what subsampling saw; `change`:
    of the value against now, 0.2 lower being −0.2."""

    what: str
    origin: str
    further: int
    point: CurvePoint
    change: float | None


def list_prospect_rows(found: LabelValue) -> list[ProspectRow]:
    """Both curves, nearest expectation first; then what holds now, and what was seen."""
    rows = [
        row
        for what, curve in (("error", found.label_error), ("width", found.interval_width))
        if curve is not None
        for row in _list_points(what, curve)
    ]
    order = [origin for origin, _ in _FROM]
    return sorted(rows, key=lambda row: (order.index(row.origin), row.further, row.what))


def _list_points(what: str, curve: Curve) -> Iterator[ProspectRow]:
    now = curve.now
    for origin, points in (("expected", curve.ahead), ("now", (now,)), ("seen", curve.seen)):
        for point in points:
            change = point.value / now.value - 1.0 if now.value > 0.0 else None
            yield ProspectRow(what, origin, point.num_traces - now.num_traces, point, change)


def build_prospect_table(found: LabelValue) -> Table[ProspectRow]:
    """What further human-rated traces are expected to bring."""
    words = dict((*_WHAT, *_FROM))
    return Table(
        name="more",
        noun="point",
        rows=list_prospect_rows(found),
        order="",
        prefix="m-",
        page_size=8,
        columns=[
            Column("from", "From", lambda row: words[row.origin]),
            Column("what", "Measure", lambda row: words[row.what]),
            Column("further", "Further rated traces", lambda row: row.further, Kind.NUMBER),
            Column("rests_on", "Rests on", lambda row: row.point.num_traces, Kind.NUMBER),
            Column(
                "value",
                "Value",
                lambda row: row.point.value,
                Kind.DECIMAL,
                template="quality/prospect_cell.html",
            ),
            Column("low", "", lambda row: row.point.low, Kind.DECIMAL, on_page=False),
            Column("high", "", lambda row: row.point.high, Kind.DECIMAL, on_page=False),
            Column("change", "Against now", lambda row: row.change, Kind.SHARE),
        ],
        filters=[
            Filter("what", "Measure", lambda rows, said: [row for row in rows if row.what == said], _WHAT),
            Filter("from", "From", lambda rows, said: [row for row in rows if row.origin == said], _FROM),
        ],
    )
