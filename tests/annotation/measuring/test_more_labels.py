"""What more labels would buy: the law through the means, and curves from merges that are known or real."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from annotation.measuring.curves import Curve, fit_power_law, fit_root_law
from annotation.measuring.errors_everywhere import RatedErrors
from annotation.measuring.more_labels import MIN_RATED_TRACES, LabelValue, measure_label_value
from annotation.measuring.truth import PeoplesWord, hear_people
from annotation.merging.data import (
    CalibrationReport,
    JudgeRow,
    MergedTrace,
    MergeInput,
    MergePolicy,
    MergeResult,
    RatingRow,
    TraceRow,
)
from annotation.merging.merge import merge


def make_world(
    num_traces: int, *, seed: int = 5, noise: float = 1.0
) -> tuple[MergeInput, dict[int, PeoplesWord], RatedErrors]:
    """Traces of five steps whose first error a judge sees through noise, each rated by one person."""
    source = np.random.default_rng(seed)
    traces, ratings, judges, words, predictions = [], [], [], {}, {}
    for trace in range(num_traces):
        error = int(source.integers(0, 10))  # half of the traces have none
        labels = tuple(-1 if step == error else None if step > error else 1 for step in range(5))
        logits = np.where(np.arange(5) >= error, -1.5, 1.5) + source.normal(0, noise, size=5)
        scores = tuple(float(p) for p in 1 / (1 + np.exp(-logits)))
        traces.append(TraceRow(str(trace), str(trace), 5))
        ratings.append(RatingRow(str(trace), "1", labels))
        judges.append(JudgeRow(str(trace), "judge@1", scores))
        words[trace] = hear_people([labels], None) or PeoplesWord((), None)
        predictions[trace] = 1 - min(scores)
    shares = {trace: float(word.first_error != -1) for trace, word in words.items()}
    errors = RatedErrors(shares, dict.fromkeys(shares, 0.5), predictions)
    return MergeInput(traces=traces, ratings=ratings, judges=judges), words, errors


def learn_slowly(data: MergeInput, policy: MergePolicy) -> MergeResult:
    """A merge whose posteriors on unrated traces near the truth as 1 − n^(−1/2), n the number of rated traces."""
    rated = {row.trace_id for row in data.ratings}
    far = len(rated) ** -0.5
    result = merge(MergeInput(traces=[]), policy)
    calibrated = CalibrationReport(("judge@1",), True, "", len(rated), 20.0, 1.0, 0.1)
    traces = tuple(
        MergedTrace(row.trace_id, row.prompt_id, (1.0 - far,) * 5, None, None, "ai") for row in data.traces
    )
    diagnostics = dataclasses.replace(result.diagnostics, calibrations=(calibrated,))
    return MergeResult(traces, (), diagnostics)


def calibrated_from(num_rated: int) -> Callable[[MergeInput, MergePolicy], MergeResult]:
    """The same, with no calibrated judge, hence no posterior of an unrated trace, below `num_rated` rated traces."""

    def learn(data: MergeInput, policy: MergePolicy) -> MergeResult:
        result = learn_slowly(data, policy)
        if len({row.trace_id for row in data.ratings}) >= num_rated:
            return result
        silent = tuple(dataclasses.replace(trace, posterior=None) for trace in result.traces)
        return MergeResult(silent, (), dataclasses.replace(result.diagnostics, calibrations=()))

    return learn


def sound_words(num: int) -> dict[int, PeoplesWord]:
    return {trace: PeoplesWord((True,) * 5, -1) for trace in range(num)}


def test_a_power_law_is_found_again() -> None:
    n = np.array([10.0, 20.0, 40.0, 80.0, 160.0])

    law = fit_power_law(n, 0.05 + 2.0 * n**-0.6)

    assert law(n) == pytest.approx(0.05 + 2.0 * n**-0.6, abs=0.01)
    assert law(np.array([640.0]))[0] == pytest.approx(0.05 + 2.0 * 640**-0.6, abs=0.01)


def test_a_root_law_is_found_again() -> None:
    n = np.array([10.0, 20.0, 40.0, 80.0])

    law = fit_root_law(n, np.sqrt(0.01 + 3.0 / n))

    assert law(np.array([10.0, 640.0])) == pytest.approx(np.sqrt(0.01 + 3.0 / np.array([10.0, 640.0])))


def test_a_law_never_rises_and_never_falls_below_nothing() -> None:
    n = np.array([10.0, 20.0, 40.0])

    law = fit_power_law(n, np.array([0.1, 0.12, 0.11]))(np.array([10.0, 40.0, 1e6]))

    assert (np.diff(law) <= 0).all()
    assert (law >= 0).all()


def test_the_error_of_a_merge_that_is_known_falls_as_it_must() -> None:
    """Far from the truth by n^(−1/2), the mean square is 1/n."""
    data, _, errors = make_world(100)

    found = measure_label_value(data, sound_words(100), errors, num_repeats=3, run_merge=learn_slowly)

    assert found.label_error is not None
    assert [point.num_traces for point in found.label_error.seen] == [11, 22, 38, 56, 75]
    assert [point.value for point in found.label_error.seen] == pytest.approx(
        [1 / 11, 1 / 22, 1 / 38, 1 / 56, 1 / 75]
    )
    assert found.label_error.now.value == pytest.approx(1 / 100, rel=0.1)
    assert [point.num_traces for point in found.label_error.ahead] == [150, 200, 300, 400]
    assert found.label_error.ahead[-1].value == pytest.approx(1 / 400, abs=0.002)
    assert (found.num_held_out, found.num_calibrated) == (25, 3)


def test_the_interval_narrows_with_the_root_of_the_number() -> None:
    data, words, errors = make_world(400)
    useless = dataclasses.replace(errors, predictions=dict.fromkeys(words, 0.5))

    width = measure_label_value(data, words, useless, num_repeats=4, run_merge=learn_slowly).interval_width

    assert width is not None
    # Half of the traces have an error, so at n the width is 2 · 1.96 · 0.5 / root of n.
    assert [point.num_traces for point in width.seen] == [60, 120, 200, 300, 400]
    assert width.seen[-1].value == pytest.approx(1.96 / 400**0.5, rel=0.01)
    assert width.now == width.seen[-1]
    assert width.ahead[-1].value == pytest.approx(1.96 / 1600**0.5, rel=0.02)


def test_held_out_traces_are_merged_without_their_ratings_and_gold() -> None:
    data, words, errors = make_world(40)
    seen: list[MergeInput] = []

    def watch(data: MergeInput, policy: MergePolicy) -> MergeResult:
        seen.append(data)
        return learn_slowly(data, policy)

    gold = [dataclasses.replace(row, gold=(1,) * 5) for row in data.traces]
    measure_label_value(
        MergeInput(traces=gold, ratings=data.ratings, judges=data.judges),
        words,
        errors,
        num_repeats=1,
        run_merge=watch,
    )

    assert len(seen) == 5
    for one in seen:
        with_ratings = {row.trace_id for row in one.ratings}
        assert {row.trace_id for row in one.traces if row.gold is not None} == with_ratings
        assert len(one.traces) == 40
    assert [len(one.ratings) for one in seen] == [4, 9, 15, 22, 30]


def test_more_labels_calibrate_the_judge_and_labels_get_better() -> None:
    """With the real merge: below 30 traces there is no calibrated judge, above there is, and its labels are better."""
    data, words, errors = make_world(120)

    found = measure_label_value(data, words, errors, num_repeats=2)

    assert found.label_error is not None
    assert found.num_calibrated == 2
    first, *_, last = found.label_error.seen
    assert (first.num_traces, last.num_traces) == (14, 90)
    assert last.value < 0.7 * first.value
    assert found.label_error.ahead[-1].value <= found.label_error.now.value


def measure_error(*, judge_calibrated_from: int) -> Curve:
    """The error of 100 rated traces' labels, by a merge whose judge is calibrated from so many on."""
    data, _, errors = make_world(100)
    run_merge = calibrated_from(judge_calibrated_from)
    error = measure_label_value(
        data, sound_words(100), errors, num_repeats=2, run_merge=run_merge
    ).label_error
    assert error is not None
    return error


def test_the_error_before_a_judge_is_calibrated_tells_nothing_of_the_error_after() -> None:
    """From 38 rated traces on the judge is calibrated, and the law goes through those sizes alone."""
    error = measure_error(judge_calibrated_from=38)

    assert error.seen[0].value > 0.0  # the base rate's
    assert [point.value for point in error.seen[2:]] == pytest.approx([1 / 38, 1 / 56, 1 / 75])
    assert error.now.value == pytest.approx(1 / 100, rel=0.1)
    assert error.ahead[-1].value == pytest.approx(1 / 400, abs=0.002)


def test_with_too_few_sizes_beyond_the_calibration_nothing_is_expected() -> None:
    error = measure_error(judge_calibrated_from=75)

    assert error.ahead == ()
    assert error.now == dataclasses.replace(error.seen[-1], num_traces=100)


def test_too_few_rated_traces_say_nothing() -> None:
    data, words, errors = make_world(MIN_RATED_TRACES - 1)

    found = measure_label_value(data, words, errors)

    assert found == LabelValue(29, 29, 7, 12, 0, 29, 29, None, None)


def test_without_predictions_there_is_no_interval_but_an_error() -> None:
    data, words, _ = make_world(40)

    found = measure_label_value(data, words, RatedErrors({}, {}, {}), num_repeats=1, run_merge=learn_slowly)

    assert found.interval_width is None
    assert found.label_error is not None


def test_the_same_rows_give_the_same_curves() -> None:
    data, words, errors = make_world(40)
    turned = dict(reversed(list(words.items())))

    assert measure_label_value(data, words, errors, num_repeats=1) == measure_label_value(
        data, turned, errors, num_repeats=1
    )


def test_raters_who_find_no_error_at_all_still_leave_an_interval_that_narrows() -> None:
    data, _, errors = make_world(60)
    sound = dataclasses.replace(errors, shares=dict.fromkeys(errors.shares, 0.0))

    found = measure_label_value(data, sound_words(60), sound, num_repeats=2, run_merge=learn_slowly)

    assert found.interval_width is not None
    first, *_, last = found.interval_width.seen
    assert first.value > last.value > 0
    assert found.interval_width.ahead[-1].value < last.value
