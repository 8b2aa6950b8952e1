"""The agreement report, held against the definitions in rules/agreement.py, `krippendorff`, and cases by hand."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest

from annotation.measuring.agreement import (
    measure_agreement,
    measure_by_category,
    measure_by_label,
    measure_by_length,
    measure_by_model,
    measure_over_time,
)
from annotation.measuring.raters import DisputedStep, RaterPair, compare_raters, find_disputed_steps
from annotation.measuring.rows import BlindRating, TraceFacts, group_by_trace
from annotation.rules.agreement import first_error_agreement, gwet_ac1, prevalence, share_agreed
from annotation.rules.rating import Labels, verdict


def simulate(num_traces: int = 60, seed: int = 3) -> list[list[Labels]]:
    """One to four raters a trace, who stop at the first error."""
    source = np.random.default_rng(seed)
    traces: list[list[Labels]] = []
    for _ in range(num_traces):
        num_steps, hard = int(source.integers(2, 7)), source.uniform(0.0, 0.4)
        said: list[Labels] = []
        for _ in range(int(source.integers(1, 5))):
            labels: list[int | None] = [
                -1 if source.random() < hard else int(source.integers(0, 2)) for _ in range(num_steps)
            ]
            if -1 in labels:
                place = labels.index(-1)
                labels[place + 1 :] = [None] * (num_steps - place - 1)
            said.append(labels)
        traces.append(said)
    return traces


def make_ratings(*said: tuple[int, int, Labels], day: int = 1) -> list[BlindRating]:
    return [BlindRating(trace, rater, labels, day) for trace, rater, labels in said]


def test_every_value_is_what_its_definition_says() -> None:
    traces = simulate()
    verdicts = [[verdict(labels) for labels in said] for said in traces]

    found = measure_agreement(traces)

    assert found.agreed.value == pytest.approx(share_agreed(verdicts))
    assert found.prevalence.value == pytest.approx(prevalence(verdicts))
    assert found.first_error.value == pytest.approx(first_error_agreement(traces))
    # The prevalence inside AC1 is over the traces with two raters here, which are those that it rests on.
    double = [said for said in verdicts if len(said) > 1]
    assert found.ac1.value == pytest.approx(gwet_ac1(double))
    assert found.num_double == found.agreed.num_traces == len(double)


def test_alphas_are_those_of_the_package() -> None:
    traces = simulate()
    found = measure_agreement(traces)
    by_verdict = np.full((4, len(traces)), np.nan)
    steps = []
    for place, said in enumerate(traces):
        by_verdict[: len(said), place] = [verdict(labels) for labels in said]
        if len(said) > 1:
            steps += [
                [*step, *[np.nan] * (4 - len(step))] for step in zip(*said, strict=True) if None not in step
            ]

    assert found.alpha.value == pytest.approx(
        krippendorff.alpha(by_verdict, level_of_measurement="nominal", value_domain=[0, 1])
    )
    assert found.step_alpha.value == pytest.approx(
        krippendorff.alpha(
            np.array(steps, dtype=float).T, level_of_measurement="ordinal", value_domain=[-1, 0, 1]
        )
    )


def test_intervals_hold_the_value() -> None:
    found = measure_agreement(simulate())

    for one in (found.prevalence, found.agreed, found.alpha, found.ac1, found.first_error, found.step_alpha):
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high


def test_too_few_traces_with_two_raters_say_nothing() -> None:
    found = measure_agreement([[(1, 1), (1, -1)]] * 9 + [[(1, 1)]] * 20)

    assert (found.num_traces, found.num_double) == (29, 9)
    assert found.agreed.value is found.alpha.value is found.step_alpha.value is None
    assert found.prevalence.value == pytest.approx(9 / 2 / 29)


def test_without_any_rating_there_is_an_empty_report() -> None:
    assert measure_agreement([]).agreed.value is None


def test_models_come_by_their_number_of_rated_traces() -> None:
    ratings = make_ratings(*((trace, 1, (1,)) for trace in range(5)))
    facts = {trace: TraceFacts(trace, 1, "big" if trace < 3 else "small", 1) for trace in range(5)}

    groups = measure_by_model(group_by_trace(ratings), facts)

    assert [(group.name, group.agreement.num_traces) for group in groups] == [("big", 3), ("small", 2)]


def test_a_group_of_all_traces_has_the_intervals_of_all() -> None:
    """Two intervals of the same ratings on one page would be one too many."""
    said = dict(enumerate(simulate(30)))
    ratings = make_ratings(
        *((trace, rater, one) for trace, of in said.items() for rater, one in enumerate(of))
    )
    facts = {trace: TraceFacts(trace, 1, "m", len(of[0])) for trace, of in said.items()}

    [group] = measure_by_model(group_by_trace(ratings), facts)
    [day] = measure_over_time(group_by_trace(ratings))

    assert group.agreement == day.agreement == measure_agreement(said.values())


@pytest.mark.parametrize(
    ("num_days", "num_traces", "name", "num_periods"),
    [
        (10, 400, "day", 10),
        (60, 400, "week", 9),
        (60, 45, "four weeks", 3),  # weeks would have five traces each
        (600, 2000, "four weeks", 22),
        (5000, 2000, "193 days", 26),
        (60, 5, "60 days", 1),
    ],
)
def test_periods_are_as_long_as_it_takes_to_say_something_of_each(
    num_days: int, num_traces: int, name: str, num_periods: int
) -> None:
    ratings = [
        BlindRating(trace, rater, (1,), trace * (num_days - 1) // (num_traces - 1))
        for trace in range(num_traces)
        for rater in (1, 2)
    ]

    groups = measure_over_time(group_by_trace(ratings))

    assert {group.name for group in groups} == {name}
    assert len(groups) == num_periods
    assert groups[0].day == 0


def test_a_trace_belongs_to_the_period_of_its_last_rating() -> None:
    ratings = [BlindRating(1, 1, (1,), 5), BlindRating(1, 2, (1,), 9)]

    assert [group.day for group in measure_over_time(group_by_trace(ratings))] == [9]
    assert measure_over_time({}) == ()


def test_labels_by_hand() -> None:
    # On each of 12 traces both call step 1 good; on step 2 one says neutral and one bad.
    ratings = make_ratings(*((t, r, (1, label)) for t in range(12) for r, label in ((1, 0), (2, -1))))

    bad, neutral, good = measure_by_label(group_by_trace(ratings))

    assert (good.agreed.value, bad.agreed.value, neutral.agreed.value) == (1.0, 0.0, 0.0)
    assert (good.share.value, bad.share.value, neutral.share.value) == (0.5, 0.25, 0.25)
    assert good.share.num_traces == 12
    assert (good.num_said, good.name) == (24, "Good")


def test_error_categories_by_hand() -> None:
    ratings = []
    for trace in range(20):
        kinds = ("sum", "sum") if trace < 15 else ("sum", "logic")
        ratings += [
            BlindRating(trace, rater, (1, -1), 1, {1: kind}) for rater, kind in enumerate(kinds, start=1)
        ]

    summed, logic = measure_by_category(group_by_trace(ratings))

    # 15 traces give 30 pairs (sum, sum); 5 give 5 pairs (sum, logic) and 5 (logic, sum).
    assert (summed.name, summed.agreed.value) == ("sum", pytest.approx(30 / 35))
    assert (logic.name, logic.agreed.value) == ("logic", None)  # only five traces
    assert measure_by_category(group_by_trace(make_ratings((1, 1, (1,))))) == ()


def test_pairs_of_raters_are_counted_once() -> None:
    ratings = make_ratings((1, 7, (1, 1)), (1, 3, (1, -1)), (2, 3, (1, 1)), (2, 7, (1, 0)), (3, 5, (1, 1)))

    assert compare_raters(group_by_trace(ratings)) == (RaterPair(3, 7, num_shared=2, num_agreed=1),)


def test_the_steps_most_disagreed_on_come_first() -> None:
    ratings = make_ratings(
        (1, 1, (1, 1)), (1, 2, (1, -1)),  # one against one, two apart
        (2, 1, (1, 0)), (2, 2, (1, 1)),  # one apart
        (3, 1, (-1, None)), (3, 2, (1, 1)), (3, 3, (1, -1)), (3, 4, (-1, None)),
    )  # fmt: skip

    found = find_disputed_steps(group_by_trace(ratings), most=10)

    assert [(step.trace, step.index) for step in found] == [(3, 0), (1, 1), (3, 1), (2, 1)]
    assert found[0] == DisputedStep(3, 0, num_bad=2, num_neutral=0, num_good=2, spread=1.0)
    assert len(find_disputed_steps(group_by_trace(ratings), most=2)) == 2


def test_lengths_come_from_short_to_long() -> None:
    sizes = {1: 30, 2: 3, 3: 8, 4: 5}
    facts = {trace: TraceFacts(trace, 1, "m", size) for trace, size in sizes.items()}
    rated = group_by_trace([BlindRating(trace, 1, (1,) * size, 1) for trace, size in sizes.items()])

    groups = measure_by_length(rated, facts)

    assert [(group.name, group.agreement.num_traces) for group in groups] == [
        ("1 to 5 steps", 2),
        ("6 to 10 steps", 1),
        ("21 steps or more", 1),
    ]


def test_full_agreement_is_not_certain() -> None:
    """Half of forty traces have an error, and no two raters differ on any. By hand: a share of 1 reaches down to
    0.025^(1/40) = 0.912; with a prevalence of one half, chance is one half for both coefficients."""
    found = measure_agreement([[(1, -1), (1, -1)]] * 20 + [[(1, 1), (1, 1)]] * 20)

    low = 0.025 ** (1 / 40)
    assert (found.agreed.value, found.ac1.value, found.alpha.value) == (1.0, 1.0, pytest.approx(1.0))
    assert found.agreed.low == pytest.approx(low)
    assert found.ac1.low == pytest.approx(2 * low - 1)
    assert found.alpha.low == pytest.approx(2 * low - 1)
    assert (found.ac1.high, found.alpha.high) == (1.0, 1.0)


def test_ratings_that_are_all_the_same_have_no_alpha_but_an_ac1() -> None:
    found = measure_agreement([[(1, 1), (1, 1)]] * 20)

    assert (found.alpha.value, found.step_alpha.value) == (None, None)
    assert (found.ac1.value, found.ac1.low) == (1.0, pytest.approx(0.025 ** (1 / 20)))
    assert found.prevalence.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_how_often_a_label_is_given_has_an_interval() -> None:
    """On half of forty traces both raters call the only step bad, on the others good."""
    ratings = make_ratings(*((t, r, (-1 if t % 2 else 1,)) for t in range(40) for r in (1, 2)))

    bad, *_ = measure_by_label(group_by_trace(ratings))

    assert bad.share.value == 0.5
    assert (bad.share.low or 1) == pytest.approx(0.5 - 1.96 * 0.5 / 40**0.5, abs=0.05)
    assert (bad.share.high or 0) == pytest.approx(0.5 + 1.96 * 0.5 / 40**0.5, abs=0.05)
