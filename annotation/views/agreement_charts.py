"""The charts of the agreement page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from annotation.charts.axes import Axis, write
from annotation.charts.drawing import NARROW, WIDE, Chart
from annotation.charts.heat_map import Cell, draw_heat_map
from annotation.charts.intervals import draw_intervals
from annotation.charts.lines import Point, Series, draw_lines
from annotation.measuring.agreement import Group, ValueAgreement
from annotation.measuring.raters import MIN_SHARED_TRACES, RaterPair
from annotation.views.figures import chart_estimate, count, describe

_SHARE = Axis("Same word, 95 % interval", 0.0, 1.0, "percent")
MOST_RATERS = 24
"""Raters with the most comparisons are shown; a larger map can't be read."""
_MOST_GROUPS = 12


def draw_over_time(groups: Sequence[Group]) -> Chart | None:
    """Agreement and errors by period; None where no period has enough."""
    agreed = [
        Point(g.day, e.value, e.low, e.high, count(e.num_traces, "trace"))
        for g in groups
        if g.day is not None and (e := g.agreement.agreed).value is not None
    ]
    errors = [
        Point(g.day, e.value, note=count(e.num_traces, "trace"))
        for g in groups
        if g.day is not None and (e := g.agreement.prevalence).value is not None
    ]
    if not agreed and not errors:
        return None
    series = [Series("Verdict agreed", tuple(agreed)), Series("Raters who found an error", tuple(errors))]
    return draw_lines(
        [one for one in series if one.points],
        key="over-time",
        title="Agreement over time",
        description=f"The share of rater pairs with the same verdict, by {groups[0].name} of the trace's last "
        f"rating, with the share of raters who found an error. {count(len(agreed), 'period')} can be told.",
        x=Axis(f"Beginning of the {groups[0].name}", kind="date"),
        y=Axis("Share", 0.0, 1.0, "percent"),
        digits=0,
    )


def draw_by_model(groups: Sequence[Group]) -> Chart | None:
    """Verdict agreement on each model's traces."""
    estimates = [
        chart_estimate(g.name, g.agreement.agreed, _describe_group(g)) for g in groups[:_MOST_GROUPS]
    ]
    if not estimates:
        return None
    return draw_intervals(
        estimates,
        key="by-model",
        title="Verdict agreed, by model",
        description=describe(estimates, "Share of rater pairs with the same verdict"),
        x=Axis("Verdict agreed, 95 % interval", 0.0, 1.0, "percent"),
        digits=0,
    )


def _describe_group(group: Group) -> str:
    errors = group.agreement.prevalence.value
    found = "" if errors is None else f", errors found by {write(errors, 'percent', 0)}"
    return f"{count(group.agreement.num_double, 'trace')} with two raters{found}"


def draw_values(values: Sequence[ValueAgreement], *, key: str, title: str, noun: str) -> Chart | None:
    """How surely what one rater says is what another says, for each label or each kind of error."""
    estimates = [
        chart_estimate(
            f"{one.name} ({write(one.share, 'percent', 0)})",
            one.agreed,
            f"said {one.num_said:,} times on {count(one.agreed.num_traces, 'trace')}",
        )
        for one in values[:_MOST_GROUPS]
    ]
    if not estimates:
        return None
    return draw_intervals(
        estimates,
        key=key,
        title=title,
        description=describe(estimates, f"Where one rater says a {noun}, another says it too"),
        x=_SHARE,
        digits=0,
    )


def draw_raters(pairs: Sequence[RaterPair], names: Mapping[int, str]) -> Chart | None:
    """Who agrees with whom; None with no two raters on a trace."""
    times: dict[int, int] = {}
    for pair in pairs:
        for rater in (pair.one, pair.other):
            times[rater] = times.get(rater, 0) + pair.num_shared
    shown = sorted(sorted(times, key=lambda rater: (-times[rater], rater))[:MOST_RATERS])
    if not shown:
        return None
    found = {(pair.one, pair.other): pair for pair in pairs}
    cells = [[_draw_cell(one, other, found) for other in shown] for one in shown]
    marks = [str(place) for place in range(1, len(shown) + 1)]
    titles = [
        f"{mark}. {names.get(rater, 'a former rater')}" for mark, rater in zip(marks, shown, strict=True)
    ]
    return draw_heat_map(
        titles,
        titles,
        cells,
        marks=marks,
        key="raters",
        title="Who agrees with whom",
        description="The share of traces that both rated blind on which two raters gave the same verdict. "
        f"Pairs with fewer than {MIN_SHARED_TRACES} such traces have none.",
        low=0.5,
        width=WIDE if len(shown) > 6 else NARROW,
    )


def _draw_cell(one: int, other: int, found: Mapping[tuple[int, int], RaterPair]) -> Cell:
    if one == other:
        return Cell(None)
    pair = found.get((min(one, other), max(one, other)))
    if pair is None:
        return Cell(None, "no trace in common")
    basis = f"{count(pair.num_shared, 'trace')} in common"
    if pair.num_shared < MIN_SHARED_TRACES:
        return Cell(None, basis)
    return Cell(pair.num_agreed / pair.num_shared, basis)
