"""Figures: an estimate as a page shows it, with its interval and what it rests on, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Kind, write
from annotation.charts.intervals import Estimate as ChartEstimate
from annotation.measuring.resampling import MIN_TRACES, Estimate


@dataclass(frozen=True)
class Figure:
    """One number of a page. `interval` is empty where none is known; `value` is a dash where nothing is."""

    title: str
    value: str
    interval: str
    basis: str


def show_estimate(
    title: str, estimate: Estimate, kind: Kind = "percent", *, silent: str = "too little to say"
) -> Figure:
    """An estimate with its 95 % interval; `silent`: why there may be no value although there are traces enough."""
    digits = 0 if kind == "percent" else 2
    basis = count(estimate.num_traces, "trace")
    if estimate.value is None:
        reason = (
            f"{basis}; {MIN_TRACES} are needed" if estimate.num_traces < MIN_TRACES else f"{basis}: {silent}"
        )
        return Figure(title, "–", "", reason)
    value = write(estimate.value, kind, digits)
    if estimate.low is None or estimate.high is None:
        return Figure(title, value, "", f"{basis}, too few or too alike for an interval")
    interval = f"{write(estimate.low, kind, digits)} to {write(estimate.high, kind, digits)}"
    return Figure(title, value, interval, basis)


def chart_estimate(label: str, estimate: Estimate, basis: str = "") -> ChartEstimate:
    """The same for a chart of intervals."""
    basis = basis or count(estimate.num_traces, "trace")
    return ChartEstimate(label, estimate.value, estimate.low, estimate.high, basis)


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "trace"), count(1200, "trace")
    ('1 trace', '1,200 traces')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def describe(estimates: Sequence[ChartEstimate], what: str, kind: Kind = "percent", digits: int = 0) -> str:
    """A sentence with every known value, for those who can't see the chart."""
    known = [f"{one.label} {write(one.value, kind, digits)}" for one in estimates if one.value is not None]
    return f"{what}: {', '.join(known)}." if known else f"{what}: too little to say."
