"""The charts of the agreement page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from annotation.charts.axes import Axis, write
from annotation.charts.drawing import NARROW, WIDE, Chart
from annotation.charts.heat_map import Cell, draw_heat_map
from annotation.charts.intervals import draw_intervals
from annotation.charts.lines import Point, Series, draw_lines
from annotation.measuring.agreement import Agreement, Group, ValueAgreement
from annotation.measuring.raters import MIN_SHARED_TRACES, RaterPair
from annotation.measuring.resampling import Estimate
from annotation.views.figures import chart_estimate, count, describe
from annotation.views.measures import Measure, choose_shown, draw_measure, say_what_is_missing

_SHARE = Axis("Same word, 95 % interval", 0.0, 1.0, "percent")
MOST_RATERS = 24
"""Raters with the most comparisons are shown; a larger map can't be read."""


def draw_over_time(groups: Sequence[Group], measure: Measure[Agreement]) -> Chart | None:
    """A measure by period, beside the errors found; None where no period has enough of the measure itself: the
    errors alone would be taken for it."""
    found = _list_points(groups, measure.find)
    if not found:
        return None
    errors = _list_points(groups, lambda agreement: agreement.prevalence)
    series = [Series(measure.title, found)]
    if measure.key != "errors":
        series.append(Series("Raters who found an error", errors))
    series = [one for one in series if one.points]
    period = groups[0].name
    lowest = min(point.low if point.low is not None else point.y for one in series for point in one.points)
    return draw_lines(
        series,
        key="over-time",
        title=f"{measure.title}, over time",
        description=f"{measure.says}, by {period} of the trace's last rating, with the share of raters who found an "
        f"error. {count(len(found), 'period')} can be told.",
        x=Axis(f"Beginning of the {period}", kind="date"),
        y=Axis("95 % intervals", 0.0 if lowest >= 0.0 else None, 1.0, measure.kind),
        digits=measure.digits,
    )


def _list_points(groups: Sequence[Group], find: Callable[[Agreement], Estimate]) -> tuple[Point, ...]:
    return tuple(
        Point(g.day, e.value, e.low, e.high, count(e.num_traces, "trace"))
        for g in groups
        if g.day is not None and (e := find(g.agreement)).value is not None
    )


def draw_groups(groups: Sequence[Group], measure: Measure[Agreement], *, key: str, what: str) -> Chart | None:
    """A measure of each model's traces, or of each length's."""
    estimates = [chart_estimate(g.name, measure.find(g.agreement), _describe_group(g)) for g in groups]
    return draw_measure(estimates, measure, key=key, what=what)


def _describe_group(group: Group) -> str:
    errors = group.agreement.prevalence.value
    found = "" if errors is None else f", errors found by {write(errors, 'percent', 0)}"
    return f"{count(group.agreement.num_double, 'trace')} with two raters{found}"


def draw_values(values: Sequence[ValueAgreement], *, key: str, title: str, noun: str) -> Chart | None:
    """How surely what one rater says is what another says, for each label or each kind of error."""
    estimates = choose_shown(
        [
            chart_estimate(
                one.name
                if one.share.value is None
                else f"{one.name} ({write(one.share.value, 'percent', 0)})",
                one.agreed,
                f"said {one.num_said:,} times on {count(one.agreed.num_traces, 'trace')}",
            )
            for one in values
        ]
    )
    if not estimates:
        return None
    return draw_intervals(
        estimates,
        key=key,
        title=title,
        description=describe(estimates, f"Where one rater says a {noun}, another says it too"),
        x=_SHARE,
        digits=0,
        note=say_what_is_missing(len(values) - len(estimates), noun),
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
