"""Scales, ticks at round numbers, and how numbers are written."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.charts.axes import Axis, Scale, choose_ticks, lay_plane, make_ticks, write, write_interval
from annotation.charts.drawing import Words

finite = st.floats(-1e6, 1e6, allow_nan=False)


def test_a_scale_maps_its_ends_and_turns_round() -> None:
    upwards = Scale(0.0, 10.0, 200.0, 0.0)

    assert [upwards.at(value) for value in (0.0, 2.5, 10.0)] == [200.0, 150.0, 0.0]


def test_what_lies_outside_is_kept_at_the_edge() -> None:
    scale = Scale(0.0, 1.0, 0.0, 100.0)

    assert (scale.at(-3.0), scale.at(3.0)) == (0.0, 100.0)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.0, 37.0, [0.0, 10.0, 20.0, 30.0, 40.0]),
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.12, 0.31, [-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4]),
        (5.0, 5.0, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
    ],
)
def test_ticks_are_round_and_embrace_the_data(low: float, high: float, wanted: list[float]) -> None:
    assert choose_ticks(low, high) == pytest.approx(wanted)


@given(finite, finite)
def test_ticks_always_embrace_the_data_and_rise(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    ticks = choose_ticks(low, high)
    room = 1e-6 * max(1.0, abs(low), abs(high))

    assert ticks[0] <= low + room
    assert ticks[-1] >= high - room
    assert ticks == sorted(set(ticks))
    assert 2 <= len(ticks) <= 12


def test_counts_have_whole_ticks_only() -> None:
    assert make_ticks(Axis("Ratings", 0.0, kind="count"), [0.0, 2.0]) == [0.0, 1.0, 2.0]


def test_fixed_ends_are_ticks() -> None:
    assert make_ticks(Axis("", 0.0, 0.95), [0.5])[0] == 0.0
    assert make_ticks(Axis("", 0.0, 0.95), [0.5])[-1] == 0.95


def test_days_are_whole_and_reach_the_last() -> None:
    first = dt.date(2026, 3, 1).toordinal()
    ticks = make_ticks(Axis("Day", kind="date"), [first, first + 9], 4)

    assert ticks == [first, first + 3, first + 6, first + 9]


def test_a_single_day_stands_in_the_middle() -> None:
    first = dt.date(2026, 3, 1).toordinal()

    assert make_ticks(Axis("Day", kind="date"), [first]) == [first - 1, first, first + 1]


def test_without_data_the_axis_is_zero_to_one() -> None:
    assert (make_ticks(Axis(""), [])[0], make_ticks(Axis(""), [])[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("value", "kind", "digits", "wanted"),
    [
        (0.25, "percent", None, "25 %"),
        (0.2567, "percent", 1, "25.7 %"),
        (1234567.0, "count", None, "1,234,567"),
        (0.1, "number", None, "0.1"),
        (-0.0001, "number", 2, "0.00"),
        (-0.0, "percent", 0, "0 %"),
        (dt.date(2026, 3, 1).toordinal(), "date", None, "1 Mar"),
        (dt.date(2026, 3, 1).toordinal(), "date", 0, "1 Mar 2026"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, kind: str, digits: int, wanted: str) -> None:
    assert write(value, kind, digits) == wanted  # type: ignore[arg-type]


def test_an_interval_follows_its_value_and_is_left_out_where_unknown() -> None:
    assert write_interval(0.5, 0.4, 0.6, "percent", 0) == "50 % (40 % to 60 %)"
    assert write_interval(0.5, None, None, "number", 2) == "0.50"
    assert write_interval(None, 0.4, 0.6, "number", 2) == "–"


def test_a_plane_names_both_axes() -> None:
    plane = lay_plane(Axis("Labels"), Axis("Error"), [0.0, 10.0], [0.0, 1.0], width=440.0, height=260.0)

    names = [shape.text for shape in plane.shapes if isinstance(shape, Words) and shape.css == "axis-name"]
    assert names == ["Labels", "Error"]
