"""The charts of the quality pages: what they show of a report, and that they stay away where there is too little."""

from __future__ import annotations

import datetime as dt

import pytest
from django.http import QueryDict

from annotation.charts.drawing import Chart, Dot, Rectangle, Words
from annotation.measuring.agreement import Agreement, Group, ValueAgreement, measure_agreement
from annotation.measuring.anchoring import Anchoring
from annotation.measuring.curves import Curve, CurvePoint
from annotation.measuring.first_errors import FirstErrorScore
from annotation.measuring.judges import Bin, JudgeQuality, Quality, QualityGroup
from annotation.measuring.more_labels import LabelValue
from annotation.measuring.raters import RaterPair
from annotation.measuring.resampling import NOTHING, Estimate
from annotation.views.agreement_charts import (
    MOST_RATERS,
    draw_over_time,
    draw_raters,
    draw_values,
)
from annotation.views.agreement_charts import draw_groups as draw_agreement_groups
from annotation.views.judge_charts import (
    draw_all_anchoring,
    draw_anchoring,
    draw_bins,
    draw_groups,
    draw_interval_width,
    draw_judge_roc,
    draw_label_error,
)
from annotation.views.measures import (
    AGREEMENT_MEASURES,
    JUDGE_MEASURES,
    Measure,
    choose_measure,
    say_what_is_missing,
)

MONDAY = dt.date(2026, 3, 2).toordinal()
KNOWN = Estimate(0.8, 0.7, 0.9, 20)
AGREED, F1 = AGREEMENT_MEASURES[0], JUDGE_MEASURES[0]


def measure_named(key: str) -> Measure[Agreement]:
    return next(measure for measure in AGREEMENT_MEASURES if measure.key == key)


def make_group(num_traces: int, *, day: int | None = None, name: str = "week") -> Group:
    return Group(name, measure_agreement([[(1, 1), (1, 1)]] * num_traces), day)


def make_quality(*, auc: Estimate = KNOWN, f1: Estimate = KNOWN) -> Quality:
    return Quality(20, 100, 12, KNOWN, 0.7, auc, KNOWN, 0.1, FirstErrorScore(f1, KNOWN, KNOWN, 6, 8))


def make_judge(bins: tuple[Bin, ...] = (), roc: tuple[tuple[float, float], ...] = ()) -> JudgeQuality:
    return JudgeQuality(1, 30, 0, make_quality(), bins, roc, (), ())


def make_curve(values: tuple[float, ...] = (0.2, 0.1), ahead: tuple[float, ...] = (0.08, 0.05)) -> Curve:
    def at(place: int, value: float) -> CurvePoint:
        return CurvePoint(place, value, value * 0.9, value * 1.1)

    return Curve(
        tuple(at(10 * (i + 1), value) for i, value in enumerate(values)),
        at(40, 0.1),
        tuple(at(40 * (i + 2), value) for i, value in enumerate(ahead)),
    )


def dots(chart: Chart | None) -> list[Dot]:
    assert chart is not None
    return [shape for shape in chart.shapes if isinstance(shape, Dot)]


class TestOverTime:
    def test_a_period_with_too_few_traces_leaves_a_gap(self) -> None:
        groups = [make_group(20, day=MONDAY), make_group(3, day=MONDAY + 7), make_group(20, day=MONDAY + 14)]

        chart = draw_over_time(groups, AGREED)

        assert len(dots(chart)) == 4  # agreed and errors, of two weeks
        assert chart is not None
        assert [row[0] for row in chart.table.rows] == ["2 Mar 2026", "16 Mar 2026"]
        assert "2 periods can be told" in chart.description

    def test_errors_found_have_their_interval_too(self) -> None:
        chart = draw_over_time([make_group(20, day=MONDAY)], AGREED)

        assert chart is not None
        agreed, errors = chart.table.rows[0][1:]
        assert (
            agreed == "100 % (83 % to 100 %), 20 traces"
        )  # Clopper and Pearson's, at all and at none of twenty
        assert errors == "0 % (0 % to 17 %), 20 traces"
        assert len([shape for shape in chart.shapes if "whisker" in shape.css]) == 2

    def test_errors_alone_are_one_line(self) -> None:
        chart = draw_over_time([make_group(20, day=MONDAY)], measure_named("errors"))

        assert chart is not None
        assert chart.legend == ()
        assert chart.title == "Raters who found an error, over time"

    def test_a_coefficient_is_written_as_a_number(self) -> None:
        chart = draw_over_time([make_group(20, day=MONDAY)], measure_named("ac1"))

        assert chart is not None
        assert chart.table.rows[0][1].startswith("1.00 (0.83 to 1.00)")

    def test_errors_found_are_never_drawn_alone_under_the_name_of_another_measure(self) -> None:
        once = Group("week", measure_agreement([[(1, 1)]] * 20), MONDAY)

        assert draw_over_time([once], AGREED) is None
        assert draw_over_time([once], measure_named("errors")) is not None

    def test_without_any_period_there_is_no_chart(self) -> None:
        assert draw_over_time([], AGREED) is None
        assert draw_over_time([make_group(3, day=MONDAY)], AGREED) is None


class TestGroups:
    def test_models_are_shown_with_what_they_rest_on(self) -> None:
        groups = [make_group(20, name="big"), make_group(2, name="small")]

        chart = draw_agreement_groups(groups, AGREED, key="by-model", what="model")

        assert chart is not None
        assert chart.table.rows[0][0] == "big"
        assert chart.table.rows[0][2] == "20 traces with two raters, errors found by 0 %"
        assert chart.table.rows[1][1:] == ("–", "2 traces with two raters")
        assert chart.note == ""
        assert draw_agreement_groups([], AGREED, key="x", what="model") is None

    def test_a_chart_says_how_many_models_it_has_no_room_for(self) -> None:
        groups = [make_group(20, name=f"model {number}") for number in range(30)]

        chart = draw_agreement_groups(groups, AGREED, key="by-model", what="model")

        assert chart is not None
        assert len(chart.table.rows) == 12
        assert chart.note == "18 more models in the table below."
        assert say_what_is_missing(1, "length") == "1 more length in the table below."

    def test_models_with_too_little_to_say_do_not_fill_a_chart(self) -> None:
        silent = [make_group(2, name=f"small {number}") for number in range(9)]

        chart = draw_agreement_groups(
            [silent[0], make_group(20, name="big"), *silent[1:]], AGREED, key="by-model", what="model"
        )

        assert chart is not None
        assert [row[0] for row in chart.table.rows] == ["small 0", "big", "small 1", "small 2", "small 3"]
        assert chart.note == "5 more models in the table below."

    @pytest.mark.parametrize("measure", AGREEMENT_MEASURES, ids=lambda measure: measure.key)
    def test_every_measure_can_be_shown(self, measure: Measure[Agreement]) -> None:
        said = [[(1, -1), (1, -1)], [(1, 1), (1, 0)], [(0, 1), (-1, None)]]
        group = Group("big", measure_agreement(said * 8))

        chart = draw_agreement_groups([group], measure, key="by-model", what="model")

        assert chart is not None
        assert chart.title == f"{measure.title}, by model"
        assert chart.table.rows[0][1] != "–"
        assert chart.description.startswith(f"{measure.says}: big ")
        assert chart.table.columns[1] == f"{measure.title}, 95 % interval"

    def test_agreement_below_chance_is_not_cut_off(self) -> None:
        group = Group("odd", measure_agreement([[(1, -1), (1, 1)]] * 20))

        chart = draw_agreement_groups([group], measure_named("alpha"), key="by-model", what="model")

        assert chart is not None
        assert chart.table.rows[0][1].startswith("-0.")
        ticks = [shape.text for shape in chart.shapes if isinstance(shape, Words) and shape.css == "tick"]
        assert ticks[0].startswith("-")

    def test_labels_say_how_often_they_are_given(self) -> None:
        chart = draw_values(
            [ValueAgreement("Bad", Estimate(0.25, 0.2, 0.3, 20), 50, KNOWN)],
            key="by-label",
            title="By label",
            noun="label",
        )

        assert chart is not None
        assert chart.table.rows == (("Bad (25 %)", "80 % (70 % to 90 %)", "said 50 times on 20 traces"),)
        assert chart.description == "Where one rater says a label, another says it too: Bad (25 %) 80 %."
        assert draw_values([], key="x", title="", noun="label") is None


class TestRaters:
    def test_each_pair_stands_on_both_sides_of_the_diagonal(self) -> None:
        chart = draw_raters([RaterPair(1, 2, 10, 8), RaterPair(1, 3, 4, 4)], {1: "Ann", 2: "Bob"})

        assert chart is not None
        assert chart.table.columns == ("", "1. Ann", "2. Bob", "3. a former rater")
        assert chart.table.rows[0][1:] == ("–", "80 %, 10 traces in common", "–, 4 traces in common")
        assert chart.table.rows[1][1:] == ("80 %, 10 traces in common", "–", "–, no trace in common")

    def test_the_raters_with_the_most_in_common_have_room(self) -> None:
        pairs = [RaterPair(0, other, other, other) for other in range(1, MOST_RATERS + 10)]

        chart = draw_raters(pairs, {number: f"Rater {number}" for number in range(40)})

        assert chart is not None
        assert len(chart.table.rows) == MOST_RATERS
        names = {column.partition(". ")[2] for column in chart.table.columns}
        assert "Rater 1" not in names  # one trace in common with one rater
        assert "Rater 33" in names
        assert chart.is_wide
        assert len([s for s in chart.shapes if isinstance(s, Rectangle)]) == MOST_RATERS**2

    def test_with_no_two_raters_there_is_no_map(self) -> None:
        assert draw_raters([], {}) is None


class TestJudges:
    def test_the_calibration_plot_says_how_far_off_the_judge_is(self) -> None:
        bins = (
            Bin(0.2, 0.3, 0.2, Estimate(0.4, 0.2, 0.6, 20), 10),
            Bin(0.9, 1.0, 0.9, Estimate(0.8, 0.7, 0.9, 20), 30),
        )

        chart = draw_bins(make_judge(bins))

        assert len(dots(chart)) == 2
        assert chart is not None
        assert "12 % off" in chart.description  # (0.2 · 10 + 0.1 · 30) / 40 = 0.125, to even

    def test_bins_without_an_interval_are_not_drawn(self) -> None:
        assert draw_bins(make_judge((Bin(0.2, 0.3, 0.2, Estimate(1.0, None, None, 20), 10),))) is None
        assert draw_bins(make_judge()) is None

    def test_the_roc_names_its_area(self) -> None:
        chart = draw_judge_roc(make_judge(roc=((0.0, 0.0), (0.1, 0.7), (1.0, 1.0))))

        assert chart is not None
        assert "0.80" in chart.description
        assert draw_judge_roc(make_judge()) is None

    def test_groups_say_how_many_traces_of_each_kind_they_rest_on(self) -> None:
        groups = [QualityGroup("short", make_quality()), QualityGroup("long", make_quality(f1=NOTHING))]

        chart = draw_groups(groups, F1, key="by-length", what="length")

        assert chart is not None
        basis = "6 traces with an error, 8 without; 100 steps with 12 errors"
        assert chart.table.rows[0] == ("short", "0.80 (0.70 to 0.90)", basis)
        assert chart.table.rows[1][1] == "–"
        assert chart.description == "ProcessBench’s F1: short 0.80."
        assert draw_groups([], F1, key="x", what="length") is None

    @pytest.mark.parametrize("measure", JUDGE_MEASURES, ids=lambda measure: measure.key)
    def test_every_measure_of_a_judge_can_be_shown(self, measure: Measure[Quality]) -> None:
        groups = [QualityGroup(f"model {number}", make_quality()) for number in range(14)]

        chart = draw_groups(groups, measure, key="judge-by-model", what="model")

        assert chart is not None
        assert chart.table.rows[0][1].startswith("80 % (70 %" if measure.kind == "percent" else "0.80 (0.70")
        assert chart.note == "2 more models in the table below."

    @pytest.mark.parametrize(("value", "is_drawn"), [(0.12, True), (None, False)])
    def test_anchoring_is_drawn_around_no_effect(self, value: float | None, is_drawn: bool) -> None:
        steps = Estimate(value, 0.02, 0.22, 40)

        chart = draw_anchoring(Anchoring(1, 30, 60, 40, 0.9, 0.78, steps, 0.8, 0.7, KNOWN))

        assert (chart is not None) == is_drawn
        if chart is not None:
            assert any("reference" in shape.css for shape in chart.shapes)
            assert "agreement on steps 12 %" in chart.description
            assert chart.table.rows[0][2] == "30 assisted, 60 blind"

    def test_judge_versions_stand_beside_each_other_where_there_are_two(self) -> None:
        known = Anchoring(1, 30, 60, 40, 0.9, 0.78, Estimate(0.12, 0.02, 0.22, 40), 0.8, 0.7, KNOWN)
        unknown = Anchoring(2, 3, 60, 40, None, None, NOTHING, None, None, NOTHING)

        chart = draw_all_anchoring([("judge@1", known), ("judge@2", unknown)])

        assert chart is not None
        assert chart.table.rows[0] == ("judge@1", "12 % (2 % to 22 %)", "30 assisted, 60 blind")
        assert chart.table.rows[1] == ("judge@2", "–", "3 assisted, 60 blind")
        assert chart.note == ""
        assert draw_all_anchoring([("judge@1", known)]) is None
        assert draw_all_anchoring([("judge@1", unknown), ("judge@2", unknown)]) is None


class TestMoreLabels:
    def test_the_charts_tell_seen_from_expected(self) -> None:
        found = LabelValue(40, 40, 10, 8, 8, 40, 90, make_curve(), make_curve())

        for chart in (draw_label_error(found), draw_interval_width(found)):
            assert chart is not None
            assert [key.name for key in chart.legend] == ["By subsampling", "Expected"]
            assert len(dots(chart)) == 2 + 3
        unknown = LabelValue(40, 40, 10, 8, 8, 40, 90, make_curve(ahead=()), None)
        chart = draw_label_error(unknown)
        assert chart is not None
        assert chart.legend == ()
        assert "what more would bring can't be told yet" in chart.description
        assert draw_label_error(LabelValue(5, 5, 1, 8, 0, 0, 0, None, None)) is None


class TestChoice:
    @pytest.mark.parametrize(
        ("query", "key"), [("measure=ac1", "ac1"), ("", "agreed"), ("measure=x", "agreed")]
    )
    def test_the_address_chooses(self, query: str, key: str) -> None:
        choice = choose_measure(AGREEMENT_MEASURES, QueryDict(f"{query}&g-by=Model&csv=groups"))

        assert choice.chosen.key == key
        assert choice.kept == (("g-by", "Model"),)
