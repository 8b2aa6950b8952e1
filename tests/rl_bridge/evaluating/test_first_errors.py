"""F1 of the first error, as ProcessBench defines it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.measuring.first_errors import score_first_errors
from rl_bridge.evaluating import first_errors
from rl_bridge.evaluating.first_errors import JudgedTrace


def judged(scores: list[float | None], first_error: int, group: int = 0) -> JudgedTrace:
    return JudgedTrace(scores=tuple(scores), first_error=first_error, group=group)


@pytest.mark.parametrize(
    ("scores", "place"),
    [
        ([0.9, 0.4, 0.1], 1),
        ([0.5, 0.5], -1),  # one half is not under one half
        ([None, 0.2], 1),
        ([None], -1),
        ([], -1),
    ],
)
def test_the_first_step_under_the_threshold_is_the_error(scores: list[float | None], place: int) -> None:
    assert first_errors.find_first_error(scores) == place


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        ([1, 1], -1),
        ([1, 0, -100], 1),
        ([0], 0),
        ([1, -100, 0], None),  # the masked step may be the first error
        ([1, -100], None),
        ([-100], None),
    ],
)
def test_labels_tell_the_first_error_only_where_nothing_before_it_is_masked(
    labels: list[int], place: int | None
) -> None:
    assert first_errors.read_first_error(labels) == place


def test_f1_is_the_harmonic_mean_of_both_accuracies() -> None:
    traces = [
        judged([0.9, 0.1], 1),  # found
        judged([0.1, 0.1], 1),  # found too early: wrong
        judged([0.9, 0.9], 1),  # missed
        judged([0.9, 0.1, 0.9], 1),  # found, whatever comes after
        judged([0.9, 0.9], -1),
        judged([0.9, 0.2], -1),  # a false alarm
        judged([0.9], -1),
        judged([0.9], -1),
    ]

    found = first_errors.measure_first_errors(traces)

    assert found.on_errors.value == pytest.approx(1 / 2)
    assert found.on_correct.value == pytest.approx(3 / 4)
    assert found.f1.value == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert (found.num_errors, found.num_correct) == (4, 4)
    assert found.f1.num_groups == 1


def test_without_erroneous_traces_there_is_no_f1() -> None:
    found = first_errors.measure_first_errors([judged([0.9], -1)])

    assert found.f1.value is None
    assert found.on_errors.value is None
    assert found.on_correct.value == 1.0


def test_a_judge_that_is_right_on_nothing_has_f1_zero() -> None:
    found = first_errors.measure_first_errors([judged([0.9], 0), judged([0.1], -1)])

    assert found.f1.value == 0.0


def test_a_judge_that_scored_nothing_finds_no_trace_correct() -> None:
    traces = [judged([None, None], -1), judged([None, None], 1), judged([None, 0.9], -1)]

    found = first_errors.measure_first_errors(traces)

    assert found.on_correct.value == 1 / 2  # who scored one step has read the trace
    assert (found.num_errors, found.num_correct, found.num_unread) == (1, 2, 2)
    assert first_errors.measure_first_errors(traces[:2]).on_correct.value == 0.0


def test_no_traces_have_no_figures() -> None:
    assert first_errors.measure_first_errors([]).f1.value is None


def test_another_threshold_finds_other_errors() -> None:
    traces = [judged([0.9, 0.6], 1), judged([0.9, 0.8], -1)]

    assert first_errors.measure_first_errors(traces, 0.5).f1.value == 0.0
    assert first_errors.measure_first_errors(traces, 0.7).f1.value == 1.0


def test_the_threshold_is_picked_that_separates_best_and_lies_nearest_to_one_half() -> None:
    traces = [judged([0.9, 0.6], 1), judged([0.9, 0.8], -1)]

    picked = first_errors.pick_threshold(traces)

    assert picked == pytest.approx(0.61)
    assert first_errors.pick_threshold([judged([0.9], -1)]) == 0.5


@settings(deadline=None)  # a thousand resamples on a busy machine
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([None, 0.1, 0.5, 0.9]), min_size=1, max_size=4), st.integers(-1, 3)
        ),
        min_size=20,
        max_size=40,
    )
)
def test_the_pages_of_the_web_app_say_the_same(cases: list[tuple[list[float | None], int]]) -> None:
    cases = [(scores, min(place, len(scores) - 1)) for scores, place in cases]
    shown = score_first_errors([(scores, place) for scores, place in cases])

    found = first_errors.measure_first_errors([judged([*scores], place) for scores, place in cases])

    for ours, theirs in ((found.on_errors, shown.on_errors), (found.on_correct, shown.on_sound)):
        if theirs.value is not None:
            assert ours.value == pytest.approx(theirs.value)
    if shown.f1.value is not None:
        assert found.f1.value == pytest.approx(shown.f1.value)


def test_two_judges_of_the_same_traces_are_compared_by_pairs() -> None:
    known = [(place % 3 - 1, prompt) for prompt in range(12) for place in range(3)]
    right = [judged([float(at != error) for at in range(2)], error, prompt) for error, prompt in known]
    half = [
        trace if prompt % 2 else judged([0.0, 0.0], trace.first_error, prompt)
        for trace, (_, prompt) in zip(right, known, strict=True)
    ]

    [better, worse] = [first_errors.measure_first_errors(traces) for traces in (right, half)]
    gain = first_errors.compare_f1(better.by_group, worse.by_group)

    assert better.f1.value == 1.0
    assert worse.f1.value is not None and gain.value == pytest.approx(1.0 - worse.f1.value)
    assert gain.excludes_zero
    assert gain.num_groups == 12
    nothing = first_errors.compare_f1(worse.by_group, worse.by_group)
    assert nothing.value == 0.0
    assert not nothing.excludes_zero
