"""The whole merge: DOMAIN.md's identities and evidence rules."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from annotation.merging import merge as merge_module
from annotation.merging.chain import FirstErrors
from annotation.merging.data import (
    MERGE_VERSION,
    ComparisonRow,
    JudgeRow,
    MergeInput,
    MergeInputError,
    MergePolicy,
    RatingRow,
)
from annotation.merging.merge import locate_first_errors, merge
from benchmarks.merge_simulator import Setting
from tests.annotation.merging.worlds import (
    calibration_error,
    constant_judge,
    find,
    keep_judges,
    keep_ratings,
    log_loss,
    noise_judge,
    posteriors,
    rating,
    simulated,
    trace,
)

CHAIN = MergePolicy()
LEARNED = MergePolicy(recovery="learned")


def invert(row: JudgeRow) -> JudgeRow:
    return replace(row, probabilities=tuple(None if p is None else 1.0 - p for p in row.probabilities))


def forget(row: JudgeRow, seed: int, share: float) -> JudgeRow:
    """The judge silent on some steps."""
    random = np.random.default_rng(seed)
    return replace(
        row, probabilities=tuple(None if random.random() < share else p for p in row.probabilities)
    )


# --- identities ---


@pytest.mark.parametrize("policy", [CHAIN, LEARNED, MergePolicy(use_verdict=True)])
@pytest.mark.parametrize("judge", ["judge-0@1", "judge-1@1"])
def test_an_inverted_judge_changes_nothing(policy: MergePolicy, judge: str) -> None:
    data = simulated().data
    inverted = [invert(row) if row.judge == judge else row for row in data.judges]

    before, after = merge(data, policy), merge(keep_judges(data, inverted), policy)

    np.testing.assert_allclose(posteriors(before), posteriors(after), atol=1e-9)
    assert [t.first_error for t in before.traces] == [t.first_error for t in after.traces]


def test_an_inverted_judge_changes_nothing_where_it_scored_only_some_steps_and_traces() -> None:
    data = simulated().data
    partly = [
        forget(row, i, 0.3) if row.judge == "judge-0@1" else row
        for i, row in enumerate(data.judges)
        if not (row.judge == "judge-0@1" and i % 4 == 0)
    ]
    inverted = [invert(row) if row.judge == "judge-0@1" else row for row in partly]

    before, after = merge(keep_judges(data, partly), CHAIN), merge(keep_judges(data, inverted), CHAIN)

    np.testing.assert_allclose(posteriors(before), posteriors(after), atol=1e-9)
    assert len({merged.judges for merged in before.traces if merged.provenance == "ai"}) == 2


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing_not_even_the_last_bit(random: Random) -> None:
    data = simulated().data
    comparisons = [
        ComparisonRow(a.prompt_id, a.trace_id, b.trace_id, "rater-01", "a")
        for a, b in zip(data.traces[::4], data.traces[1::4], strict=True)
    ]
    data = replace(data, comparisons=comparisons)
    shuffled = MergeInput(
        shuffle(data.traces, random),
        shuffle(data.ratings, random),
        shuffle(data.judges, random),
        shuffle(comparisons, random),
    )

    assert merge(shuffled, CHAIN) == merge(data, CHAIN)


Row = TypeVar("Row")


def shuffle(rows: Sequence[Row], random: Random) -> list[Row]:
    return random.sample(rows, len(rows))


def test_another_process_with_another_hash_seed_gives_the_same_bits() -> None:
    program = (
        "from annotation.merging.data import MergePolicy; from annotation.merging.merge import merge;"
        "from benchmarks.merge_simulator import Setting, simulate;"
        "r = merge(simulate(Setting(num_traces=120, rated_share=0.6), 1).data, MergePolicy());"
        "print([p.hex() for t in r.traces for p in t.posterior], r.diagnostics.joint)"
    )

    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1


def test_merging_loads_nothing_heavy() -> None:
    program = (
        "import sys, annotation.merging.merge, annotation.merging.explain, annotation.merging.stored;"
        "print([name for name in ('sklearn', 'pandas', 'pyarrow', 'torch', 'django') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)

    assert done.stdout == "[]\n"


def test_without_recovery_the_trace_score_is_the_minimum_of_its_posteriors() -> None:
    for merged in merge(simulated().data, CHAIN).traces:
        assert merged.p_trace == merged.posterior[-1]
        assert merged.p_trace == pytest.approx(min(merged.posterior), abs=1e-12)


# --- judges do no harm ---


def test_a_noise_judge_beside_good_ones_costs_next_to_nothing() -> None:
    world = simulated()
    noisy = keep_judges(world.data, [*world.data.judges, *noise_judge(world.data)])

    assert log_loss(merge(noisy, CHAIN), world) - log_loss(merge(world.data, CHAIN), world) <= 0.03


def test_a_constant_judge_beside_good_ones_changes_nothing() -> None:
    data = simulated().data
    more = keep_judges(data, [*data.judges, *constant_judge(data)])

    np.testing.assert_allclose(posteriors(merge(more, CHAIN)), posteriors(merge(data, CHAIN)), atol=1e-9)


@pytest.mark.parametrize("judge", [noise_judge, constant_judge])
def test_a_judge_that_knows_nothing_gives_no_ai_rows(judge: Callable[[MergeInput], list[JudgeRow]]) -> None:
    data = simulated().data

    alone = merge(keep_judges(data, judge(data)), CHAIN)

    assert {merged.provenance for merged in alone.traces} == {"human", "none"}
    assert alone.diagnostics.joint is None
    (report,) = alone.diagnostics.calibrations
    assert report.reason == "its scores tell no more than the position of a step does"


def test_traces_that_two_blind_raters_judged_do_not_move_when_a_judge_changes() -> None:
    data = simulated().data

    with_judges, without = merge(data, CHAIN), merge(keep_judges(data, []), CHAIN)

    human = [merged for merged in with_judges.traces if merged.provenance == "human"]
    assert len(human) > 100
    assert human == [find(without, merged.trace_id) for merged in human]


# --- evidence rules ---


def test_provenance_follows_who_judged_the_trace() -> None:
    data = simulated().data
    unrated = [row.trace_id for row in data.traces if row.trace_id not in {r.trace_id for r in data.ratings}]
    one, two_assisted, mixed, gave_up = unrated[:4]
    steps = {row.trace_id: row.num_steps for row in data.traces}
    more = [
        RatingRow(one, "ann", (1,) * steps[one]),
        RatingRow(two_assisted, "ann", (1,) * steps[two_assisted], assisted=True),
        RatingRow(two_assisted, "bob", (1,) * steps[two_assisted], assisted=True),
        RatingRow(mixed, "ann", (1,) * steps[mixed]),
        RatingRow(mixed, "bob", (1,) * steps[mixed], assisted=True),
        RatingRow(gave_up, "ann", (None,) * steps[gave_up]),
        RatingRow(gave_up, "bob", (None,) * steps[gave_up]),
    ]

    result = merge(keep_ratings(data, [*data.ratings, *more]), CHAIN)

    assert find(result, data.ratings[0].trace_id).provenance == "human"
    assert [find(result, name).provenance for name in (one, two_assisted, mixed)] == ["hybrid"] * 3
    assert find(result, gave_up).provenance == "ai"
    assert find(result, one).judges == ("judge-0@1", "judge-1@1")
    assert find(result, data.ratings[0].trace_id).judges == ()


def test_one_rater_without_a_calibrated_judge_has_a_posterior_but_no_provenance() -> None:
    data = MergeInput([trace("a"), trace("b")], [rating("a", "ann", 1, 1, -1)])

    alone, unseen = merge(data, CHAIN).traces

    assert alone.provenance == "none"
    assert alone.posterior[0] > 0.9 > 0.7 > alone.posterior[2]
    assert alone.num_raters == 1
    assert unseen.provenance == "none"
    assert (unseen.posterior, unseen.p_trace, unseen.first_error) == ((), None, None)


def test_twenty_nine_rated_traces_calibrate_nothing_and_thirty_do() -> None:
    data = simulated(3).data
    rated = sorted({row.trace_id for row in data.ratings})

    def with_rated(number: int) -> MergeInput:
        return keep_ratings(data, [row for row in data.ratings if row.trace_id in rated[:number]])

    few, enough = merge(with_rated(29), CHAIN), merge(with_rated(30), CHAIN)

    assert {merged.provenance for merged in few.traces} == {"human", "none"}
    assert "29 human-rated traces" in few.diagnostics.calibrations[0].reason
    assert {merged.provenance for merged in enough.traces} == {"human", "ai"}


def test_traces_without_errors_calibrate_nothing() -> None:
    data = simulated().data
    praised = [replace(row, labels=tuple(1 for _ in row.labels)) for row in data.ratings]

    result = merge(keep_ratings(data, praised), CHAIN)

    assert "ai" not in {merged.provenance for merged in result.traces}
    assert "errors are expected" in result.diagnostics.calibrations[0].reason


def test_assisted_ratings_do_not_calibrate_the_judge_they_were_shown() -> None:
    data = simulated().data

    result = merge(keep_ratings(data, [replace(row, assisted=True) for row in data.ratings]), CHAIN)

    assert result.diagnostics.num_human_rated_traces == 0
    assert {merged.provenance for merged in result.traces} == {"none"}


def test_a_judge_version_that_few_rated_traces_carry_is_left_out_until_more_do() -> None:
    data = simulated().data
    newer = [replace(row, judge="judge-0@2") for row in data.judges[:40] if row.judge == "judge-0@1"]

    with_newer = merge(keep_judges(data, [*data.judges, *newer]), CHAIN)

    assert not any("judge-0@2" in merged.judges for merged in with_newer.traces)
    np.testing.assert_allclose(posteriors(with_newer), posteriors(merge(data, CHAIN)), atol=1e-9)


def test_traces_that_only_one_of_two_judges_scored_use_that_one() -> None:
    data = simulated().data
    half = {row.trace_id for row in data.traces[::2]}
    fewer = [row for row in data.judges if row.judge == "judge-1@1" or row.trace_id in half]

    result = merge(keep_judges(data, fewer), CHAIN)

    for merged in result.traces:
        if merged.provenance == "ai":
            expected = ("judge-0@1", "judge-1@1") if merged.trace_id in half else ("judge-1@1",)
            assert merged.judges == expected


def test_human_only_leaves_judges_out() -> None:
    data = simulated().data

    result = merge(data, MergePolicy("human_only"))

    assert {merged.provenance for merged in result.traces} == {"human", "none"}
    assert result.diagnostics.joint is None
    assert result.traces == merge(keep_judges(data, []), MergePolicy("human_only")).traces


# --- gold ---


def test_gold_is_what_it_is_whatever_raters_and_judges_say() -> None:
    data = simulated().data
    names = [row.trace_id for row in data.traces[:2]]
    gold = [
        replace(row, gold=(1,) * (row.num_steps - 2) + (0, 0)) if row.trace_id in names else row
        for row in data.traces
    ]

    result = merge(replace(data, traces=gold), CHAIN)

    for name in names:
        merged = find(result, name)
        assert merged.provenance == "gold"
        assert merged.posterior == (1.0,) * (len(merged.posterior) - 2) + (0.0, 0.0)
        assert merged.p_trace == 0.0
        assert merged.first_error == len(merged.posterior) - 2


def test_gold_teaches_what_a_rater_means() -> None:
    golds = [trace(f"g{i:02d}", prompt=f"p{i}", gold=(1, 0, 0)) for i in range(40)]
    ratings = [rating(row.trace_id, "sharp", 1, -1, None) for row in golds]
    ratings += [rating(row.trace_id, "blind", 1, 1, 1) for row in golds]

    people = merge(MergeInput(golds, ratings), CHAIN).diagnostics.people

    assert people is not None
    by_name = {report.rater: report for report in people.raters}
    assert by_name["sharp"].sensitivity > 0.85 > 0.2 > by_name["blind"].sensitivity


def test_a_gold_step_that_stands_again_stays_so_without_recovery() -> None:
    merged = merge(MergeInput([trace("g", steps=4, gold=(1, 0, 1, 1))]), CHAIN).traces[0]

    assert merged.posterior == (1.0, 0.0, 1.0, 1.0)
    assert merged.first_error == 1


# --- recovery ---


def test_traces_that_recover_are_calibrated_with_learned_recovery() -> None:
    setting = Setting(num_traces=600, rated_share=0.4, recovery=0.25, stops_at_first_error=False)
    world = simulated(0, setting)

    off, learned = merge(world.data, CHAIN), merge(world.data, LEARNED)

    assert log_loss(learned, world) < 0.6 * log_loss(off, world)
    assert calibration_error(learned, world) < 0.04


def test_traces_that_never_recover_lose_little_by_learned_recovery() -> None:
    world = simulated(0, Setting(num_traces=600, rated_share=0.4, stops_at_first_error=False))

    assert log_loss(merge(world.data, LEARNED), world) < log_loss(merge(world.data, CHAIN), world) + 0.03


def test_a_trace_may_stand_again_only_when_recovery_is_learned() -> None:
    ratings = [rating("a", name, -1, 1, 1, 1, 1) for name in ("ann", "bob", "eve")]
    data = MergeInput([trace("a", steps=5)], ratings)

    off, learned = merge(data, CHAIN).traces[0], merge(data, LEARNED).traces[0]

    assert max(np.diff(off.posterior)) <= 1e-12
    assert max(np.diff(learned.posterior)) > 0.3


# --- edges ---


def test_nothing_in_gives_nothing_out() -> None:
    for policy in (CHAIN, MergePolicy("human_only"), MergePolicy("majority")):
        result = merge(MergeInput([]), policy)
        assert (result.traces, result.preferences) == ((), ())
        assert result.diagnostics.merge_version == MERGE_VERSION


def test_traces_without_any_rating_or_judge_have_no_posterior() -> None:
    result = merge(MergeInput([trace("b"), trace("a")]), CHAIN)

    assert [merged.trace_id for merged in result.traces] == ["a", "b"]
    assert {merged.posterior for merged in result.traces} == {()}


def test_a_single_step_that_two_raters_call_bad_does_not_stand() -> None:
    data = MergeInput([trace("a", steps=1)], [rating("a", "ann", -1), rating("a", "bob", -1)])

    merged = merge(data, CHAIN).traces[0]

    assert merged.posterior[0] < 0.2
    assert (merged.first_error, merged.provenance) == (0, "human")


def test_a_step_after_the_first_error_is_not_judged_and_counts_for_nobody() -> None:
    stopped = MergeInput(
        [trace("a")], [rating("a", "ann", -1, None, None), rating("a", "bob", -1, None, None)]
    )

    result = merge(stopped, CHAIN)

    assert result.diagnostics.num_labels == 2
    assert result.traces[0].posterior[1] <= result.traces[0].posterior[0]


def test_the_verdict_is_recorded_as_a_feature_when_it_is_used() -> None:
    data = simulated().data

    def features(policy: MergePolicy) -> set[str]:
        joint = merge(data, policy).diagnostics.joint
        assert joint is not None
        return {name for model in joint.hazards for name in model.features}

    assert "verdict on the final answer" in features(MergePolicy(use_verdict=True))
    assert "verdict on the final answer" not in features(CHAIN)


def test_the_verdict_improves_what_judges_alone_say() -> None:
    world = simulated()

    assert log_loss(merge(world.data, MergePolicy(use_verdict=True)), world) < log_loss(
        merge(world.data, CHAIN), world
    )


def test_rows_that_contradict_each_other_are_refused() -> None:
    twice = [rating("a", "ann", 1, 1, 1), rating("a", "ann", 1, 1, -1)]

    with pytest.raises(MergeInputError, match="two rows of 'ann'"):
        merge(MergeInput([trace("a")], twice), CHAIN)


def test_the_first_error_is_none_when_no_error_is_likelier_and_else_its_likeliest_place() -> None:
    beliefs = FirstErrors(np.array([0.1, 0.3, 0.2, 0.45]), np.array([0.4, 0.55]))

    assert locate_first_errors(np.array([0, 3, 4]), beliefs).tolist() == [1, -1]


def test_merging_finds_first_errors_better_than_chance() -> None:
    world = simulated()
    truth = []
    for low, high in pairwise(world.starts):
        wrong = np.flatnonzero(~world.stands[low:high])
        truth.append(int(wrong[0]) if len(wrong) else -1)

    found = [merged.first_error for merged in merge(world.data, CHAIN).traces]

    assert np.mean([a == b for a, b in zip(found, truth, strict=True)]) > 0.75


def test_a_long_trace_that_goes_wrong_for_hundreds_of_steps_and_then_right_has_an_answer() -> None:
    labels = [-1] * 200 + [1] * 700
    data = MergeInput([trace("long", steps=900)], [rating("long", name, *labels) for name in "abc"])

    strict, learned = (find(merge(data, policy), "long") for policy in (CHAIN, LEARNED))

    assert strict.first_error == 0
    assert max(strict.posterior) < 0.05
    assert learned.first_error == 0
    assert learned.posterior[100] < 0.01 < 0.99 < learned.posterior[-1]


def test_no_error_is_taken_where_it_is_just_as_likely_as_some_error() -> None:
    beliefs = FirstErrors(at_step=np.array([0.25, 0.25]), none=np.array([0.5]))

    assert locate_first_errors(np.array([0, 2]), beliefs).tolist() == [-1]


@pytest.mark.parametrize("policy", [CHAIN, LEARNED])
def test_how_many_steps_are_held_in_memory_changes_nothing(
    policy: MergePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = simulated().data

    whole = merge(data, policy)
    monkeypatch.setattr(merge_module, "STEPS_A_CHUNK", 7)
    in_chunks = merge(data, policy)

    np.testing.assert_allclose(posteriors(whole), posteriors(in_chunks), atol=1e-12)
    assert [t.first_error for t in whole.traces] == [t.first_error for t in in_chunks.traces]
    assert [t.provenance for t in whole.traces] == [t.provenance for t in in_chunks.traces]


def test_ratings_that_saw_ai_scores_do_not_set_how_often_errors_happen() -> None:
    blind = [(f"blind-{i:03}", "ann", (1, 1, -1) if i % 3 == 0 else (1, 1, 1)) for i in range(90)]
    swayed = [(f"swayed-{i:03}", "bob", (-1, None, None) if i % 2 else (1, 1, 1)) for i in range(200)]
    traces = [trace(name, prompt=name) for name, _, _ in blind + swayed]
    seen = [rating(name, rater, *labels) for name, rater, labels in blind]
    led = [rating(name, rater, *labels, assisted=True) for name, rater, labels in swayed]

    fit = merge(MergeInput(traces, [*seen, *led]), CHAIN).diagnostics.people

    assert fit is not None
    (model,) = fit.hazards
    scaled = (np.array([1, 3, 5]) / 6 - model.means[0]) / model.scales[0]
    first, _, last = expit(model.intercepts[-1] + model.coefficients[-1][0] * scaled)
    assert first < 0.1 < last
