"""Each kind of chart: where its shapes stand, what its table says, and that one template draws it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from annotation.charts.axes import Axis
from annotation.charts.bars import Bar, draw_bars
from annotation.charts.drawing import Chart, Dot, Path, Rectangle, Segment, Words, colour_of, shorten
from annotation.charts.heat_map import Cell, draw_heat_map
from annotation.charts.intervals import draw_intervals
from annotation.charts.lines import Point, Series, draw_lines
from tests.annotation.charts import gallery


def draw(chart: Chart) -> str:
    return render_to_string("components/chart.html", {"chart": chart})


def find(chart: Chart, css: str) -> list[object]:
    return [shape for shape in chart.shapes if css in shape.css.split()]


@pytest.mark.parametrize("make", gallery.EVERY_KIND)
def test_every_kind_is_drawn_with_words_and_a_table(make: Callable[[], Chart]) -> None:
    chart = make()
    page = draw(chart)
    svg = ElementTree.fromstring(re.search(r"<svg.*?</svg>", page, re.DOTALL)[0])  # type: ignore[index]

    assert svg.attrib["aria-labelledby"] == f"{chart.key}-title {chart.key}-desc"
    assert svg[0].text == chart.title
    assert svg[1].text == chart.description
    assert page.count("<tr>") == len(chart.table.rows) + 1
    assert all(unescape(cell) in unescape(page) for row in chart.table.rows for cell in row)
    assert " style=" not in page


@pytest.mark.parametrize("make", gallery.EVERY_KIND)
def test_every_shape_lies_inside_its_chart(make: Callable[[], Chart]) -> None:
    chart = make()
    for shape in chart.shapes:
        if isinstance(shape, Rectangle):
            assert shape.x >= 0
            assert shape.x + shape.width <= chart.width + 0.2
            assert shape.y + shape.height <= chart.height
        elif isinstance(shape, Segment):
            assert 0 <= min(shape.x1, shape.x2) <= max(shape.x1, shape.x2) <= chart.width
        elif isinstance(shape, Dot | Words):
            assert -0.1 <= shape.x <= chart.width
            assert -18 < shape.y <= chart.height


def test_numbers_are_drawn_alike_in_every_language() -> None:
    with translation.override("de"):
        page = draw(gallery.make_lines())

    assert re.search(r'cy="\d+\.\d"', page)
    assert not re.search(r'c[xy]="\d+,\d"', page)


def test_what_a_caller_passes_is_escaped() -> None:
    page = draw(gallery.make_lines())

    assert "Judges &lt;b&gt;" in page
    assert "Judges <b>" not in page


def test_a_line_has_a_band_a_dot_a_point_and_a_reference() -> None:
    chart = gallery.make_lines()

    assert len(find(chart, "band")) == 1  # the second series has no intervals
    assert len(find(chart, "dot")) == 4 + 3
    assert len(find(chart, "reference")) == 1
    assert [key.name for key in chart.legend] == ["People", "Judges <b>"]
    assert chart.table.rows[0] == ("2 Mar 2026", "70.00 % (60.00 % to 80.00 %)", "–")
    assert chart.table.rows[1][2] == "45.00 %, 1 traces"


def test_a_higher_value_stands_higher() -> None:
    dots = [dot for dot in find(gallery.make_lines(), "dot") if isinstance(dot, Dot)]
    first_series = dots[:4]

    assert [dot.y for dot in first_series] == sorted((dot.y for dot in first_series), reverse=True)
    assert [dot.x for dot in first_series] == sorted(dot.x for dot in first_series)


def test_one_point_is_a_dot_with_a_whisker() -> None:
    chart = draw_lines(
        [Series("A", (Point(1.0, 0.5, 0.4, 0.6),))],
        key="one",
        title="",
        description="",
        x=Axis("x"),
        y=Axis("y", 0.0, 1.0),
    )

    assert len(find(chart, "dot")) == len(find(chart, "whisker")) == 1
    assert not find(chart, "line")
    assert chart.legend == ()


def test_many_points_are_a_line_without_beads() -> None:
    points = tuple(Point(float(i), i / 100) for i in range(100))
    chart = draw_lines([Series("A", points)], key="many", title="", description="", x=Axis("x"), y=Axis("y"))

    assert not find(chart, "dot")
    assert isinstance(chart.shapes[-1], Path)


def test_stacked_bars_are_as_high_as_their_numbers() -> None:
    bars = [bar for bar in find(gallery.make_bars(), "bar") if isinstance(bar, Rectangle)]
    blind, assisted, wednesday, least = bars

    assert blind.height == pytest.approx(2 * assisted.height, abs=0.2)
    assert wednesday.height == pytest.approx(2 * blind.height, abs=0.2)
    assert assisted.y + assisted.height == pytest.approx(blind.y, abs=0.2)
    assert least.height == 1.5  # a thousandth still shows
    assert bars[0].hint == "Mon, Blind: 4"


def test_labels_thin_out_where_bars_are_narrow() -> None:
    chart = draw_bars(
        [Bar(str(day), (1.0,)) for day in range(60)],
        key="days",
        title="",
        description="",
        x_label="Day",
        y=Axis("Ratings", kind="count"),
        part_names=("Ratings",),
    )
    on_x = [
        shape
        for shape in chart.shapes
        if isinstance(shape, Words) and shape.css == "tick" and shape.anchor == "middle"
    ]

    assert len(on_x) < 12
    assert len(chart.table.rows) == 60


def test_a_funnel_fills_the_width_at_its_widest() -> None:
    chart = gallery.make_funnel()
    traces, rated, under_way = (bar for bar in find(chart, "bar") if isinstance(bar, Rectangle))

    assert traces.width == chart.width
    assert (rated.width, under_way.width) == (chart.width * 0.4, chart.width * 0.1)
    assert under_way.x == rated.width
    assert chart.table.columns == ("Stage", "Done", "Under way", "Note")
    assert chart.table.rows[1] == ("Rated", "40", "10", "50 wait for a rater")


def test_an_empty_funnel_shows_zeros_and_divides_by_nothing() -> None:
    chart = draw_intervals([], key="x", title="", description="", x=Axis("x"))

    assert chart.table.rows == ()


def test_an_unknown_estimate_says_so_and_draws_no_dot() -> None:
    chart = gallery.make_intervals()
    words = [shape.text for shape in chart.shapes if isinstance(shape, Words)]

    assert len(find(chart, "dot")) == len(find(chart, "whisker")) == 1
    assert "too little to say" in words
    assert chart.table.rows[1] == ("judge@2", "–", "no assisted rating")


def test_calibration_dots_grow_with_their_count() -> None:
    few, many = (dot for dot in find(gallery.make_calibration(), "dot") if isinstance(dot, Dot))

    assert few.radius == 6.0  # half of the way, for a quarter of the cases
    assert many.radius == 9.0


def test_a_long_roc_curve_has_a_short_table() -> None:
    rows = gallery.make_roc(num_points=500).table.rows
    of_first = [row for row in rows if row[0] == "judge@1"]

    assert len(of_first) == 20
    assert of_first[0][1:] == ("0.0 %", "0.0 %")
    assert of_first[-1][1:] == ("100.0 %", "100.0 %")


def test_heat_rises_with_the_value_and_nothing_has_no_heat() -> None:
    chart = gallery.make_heat_map()
    cells = [shape.css for shape in chart.shapes if isinstance(shape, Rectangle)]

    assert cells == ["heat-none", "heat-7", "heat-7", "heat-8"]
    assert chart.table.rows[0] == ("Ann", "–", "80 %, 12 traces")


def test_marks_stand_over_columns_whose_names_are_in_the_table() -> None:
    chart = draw_heat_map(
        ["Ann"], ["Bob with a long name"], [[Cell(0.5)]], marks=["2"], key="m", title="", description=""
    )

    assert "2" in [shape.text for shape in chart.shapes if isinstance(shape, Words)]
    assert chart.table.columns == ("", "Bob with a long name")
    assert [shape.hint for shape in chart.shapes if isinstance(shape, Rectangle)] == [
        "Ann, Bob with a long name: 50 %"
    ]


def test_many_columns_make_a_heat_map_wide_and_the_keyboard_can_scroll_it() -> None:
    names = [f"Rater {number}" for number in range(20)]
    chart = draw_heat_map(
        names, names, [[Cell(0.5)] * 20] * 20, key="wide", title="All raters", description=""
    )

    assert chart.is_wide
    assert 'tabindex="0" role="group" aria-label="All raters"' in draw(chart)
    assert "chart-wide" not in draw(gallery.make_heat_map())


def test_colours_repeat_after_the_last() -> None:
    assert (colour_of(0), colour_of(5), colour_of(6)) == ("series-1", "series-6", "series-1")


def test_long_names_end_in_an_ellipsis() -> None:
    assert shorten("Bob with a very long name", 10) == "Bob with…"
    assert shorten("Bob", 10) == "Bob"
