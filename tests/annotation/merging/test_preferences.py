"""Preferences: strengths by hand, ties, both bad, beta, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from annotation.merging.data import Choice, ComparisonRow, MergedTrace, MergeInput, MergePolicy
from annotation.merging.merge import merge
from annotation.merging.preferences import fit_strengths, list_preferences
from benchmarks.merge_simulator import Setting
from tests.annotation.merging.worlds import simulated, trace


def merged(name: str, p: float | None, prompt: str = "p") -> MergedTrace:
    posterior = () if p is None else (p,)
    return MergedTrace(name, prompt, posterior, p, None, "none" if p is None else "human")


def compared(choice: Choice, rater: str = "ann", a: str = "a", b: str = "b") -> ComparisonRow:
    return ComparisonRow("p", a, b, rater, choice)


UNKNOWN = [merged("a", None), merged("b", None)]


def test_without_comparisons_strength_is_the_clipped_log_odds_of_the_trace() -> None:
    strengths = fit_strengths([merged("a", 0.999), merged("b", 0.3)], [], {}, 0.65)

    np.testing.assert_allclose(strengths.strength, logit([0.99, 0.3]))
    assert (strengths.beta, strengths.is_beta_fitted) == (1.0, False)


def test_one_comparison_moves_both_strengths_to_the_most_probable_place() -> None:
    strengths = fit_strengths([merged("a", 0.5), merged("b", 0.5)], [compared("a")], {"ann": 0.8}, 0.65)

    a, b = strengths.strength
    assert a == pytest.approx(-b)
    assert a == pytest.approx(0.8 * (1.0 - expit(0.8 * (a - b))), abs=1e-6)


def test_a_tie_counts_half_each_way() -> None:
    start = [merged("a", 0.9), merged("b", 0.5)]

    tied = fit_strengths(start, [compared("tie"), compared("tie")], {}, 0.65)
    split = fit_strengths(start, [compared("a"), compared("b")], {}, 0.65)

    np.testing.assert_allclose(tied.strength, split.strength, atol=1e-6)
    assert tied.strength[0] - tied.strength[1] < logit(0.9)


def test_a_careful_rater_moves_more_than_a_careless_one() -> None:
    gaps = [
        float(-np.diff(fit_strengths(UNKNOWN, [compared("a")], {"ann": skill}, 0.65).strength)[0])
        for skill in (0.9, 0.3, 0.0)
    ]

    assert gaps[0] > gaps[1] > gaps[2] == pytest.approx(0.0, abs=1e-6)


def test_beta_is_fitted_from_fifty_comparisons_on() -> None:
    few = fit_strengths(UNKNOWN, [compared("a")] * 49, {}, 0.65)
    enough = fit_strengths(UNKNOWN, [compared("a")] * 50, {}, 0.65)

    assert (few.beta, few.is_beta_fitted) == (1.0, False)
    assert enough.is_beta_fitted
    assert enough.beta > 1.0


@pytest.mark.parametrize("share_of_a", [1.0, 0.75])
def test_a_fitted_beta_is_the_most_probable_one(share_of_a: float) -> None:
    num_a = int(60 * share_of_a)
    choices = [compared("a")] * num_a + [compared("b")] * (60 - num_a)
    skill, start = 0.8, logit(np.array([0.7, 0.4]))

    found = fit_strengths([merged("a", 0.7), merged("b", 0.4)], choices, {"ann": skill}, 0.65)

    def surprise(delta_a: float, delta_b: float, log_beta: float) -> float:
        gap = np.exp(log_beta) * skill * (start[0] + delta_a - start[1] - delta_b)
        told = num_a * np.log1p(np.exp(-gap)) + (60 - num_a) * np.log1p(np.exp(gap))
        return float(told + (delta_a**2 + delta_b**2 + log_beta**2) / 2.0)

    best = (*(found.strength - start).tolist(), float(np.log(found.beta)))
    least = surprise(*best)
    for direction in np.vstack([np.eye(3), -np.eye(3)]) * 1e-2:
        assert surprise(*(best + direction)) > least


@given(st.lists(st.sampled_from(["a", "b", "tie", "both_bad"]), max_size=70), st.floats(0.05, 0.95))
def test_naming_the_traces_the_other_way_round_changes_no_strength(
    choices: list[Choice], skill: float
) -> None:
    swap: dict[Choice, Choice] = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}
    traces = [merged("a", 0.8), merged("b", 0.6)]

    plain = fit_strengths(traces, [compared(choice) for choice in choices], {"ann": skill}, 0.65)
    swapped = fit_strengths(
        traces, [compared(swap[choice], a="b", b="a") for choice in choices], {"ann": skill}, 0.65
    )

    np.testing.assert_allclose(plain.strength, swapped.strength, atol=1e-4)
    assert plain.beta == pytest.approx(swapped.beta, rel=1e-4)


def test_raters_who_choose_at_random_get_a_flatter_beta_than_raters_who_agree_with_the_traces() -> None:
    traces = [merged(f"t{i:02d}", 0.95 if i % 2 else 0.05) for i in range(40)]
    agree = [compared("b", a=f"t{i:02d}", b=f"t{i + 1:02d}") for i in range(0, 40, 2)] * 3
    random = [replace(row, choice="a" if i % 2 else "b") for i, row in enumerate(agree)]

    betas = [fit_strengths(traces, rows, {}, 0.65).beta for rows in (agree, random)]

    assert betas[0] > 3.0 * betas[1]


def test_pairs_are_written_from_eighty_percent_on_with_a_margin_of_at_most_three() -> None:
    traces = [merged("a", 0.99), merged("b", 0.7), merged("c", 0.6)]

    pairs = list_preferences(traces, [], fit_strengths(traces, [], {}, 0.65))

    assert [(pair.chosen, pair.rejected) for pair in pairs] == [("a", "b"), ("a", "c")]
    assert pairs[0].p == pytest.approx(expit(logit(0.99) - logit(0.7)))
    assert {pair.margin for pair in pairs} == {3.0}


def test_the_margin_is_the_gap_in_strength() -> None:
    traces = [merged("a", 0.9), merged("b", 0.5)]

    (pair,) = list_preferences(traces, [], fit_strengths(traces, [], {}, 0.65))

    assert pair.margin == pytest.approx(logit(0.9))


def test_traces_of_different_prompts_are_never_paired() -> None:
    traces = [merged("a", 0.99, "p"), merged("b", 0.01, "q")]

    assert list_preferences(traces, [], fit_strengths(traces, [], {}, 0.65)) == ()


def test_gold_traces_are_in_no_pair() -> None:
    traces = [merged("a", 0.99), replace(merged("g", 0.01), provenance="gold")]

    assert list_preferences(traces, [], fit_strengths(traces, [], {}, 0.65)) == ()


def test_a_pair_called_both_bad_is_left_out() -> None:
    traces = [merged("a", 0.9), merged("b", 0.2)]
    strengths = fit_strengths(traces, [], {}, 0.65)

    assert list_preferences(traces, [compared("both_bad")], strengths) == ()
    assert len(list_preferences(traces, [compared("both_bad"), compared("a"), compared("a")], strengths)) == 1


def test_both_bad_says_nothing_of_which_is_better() -> None:
    traces = [merged("a", 0.9), merged("b", 0.2)]

    with_it = fit_strengths(traces, [compared("both_bad")] * 60, {}, 0.65)

    np.testing.assert_array_equal(with_it.strength, fit_strengths(traces, [], {}, 0.65).strength)
    assert not with_it.is_beta_fitted


def test_two_raters_who_compared_unrated_traces_make_a_human_pair_and_one_rater_none() -> None:
    one, two = [compared("a")] * 12, [compared("a"), compared("a", "bob")] * 6

    alone = list_preferences(UNKNOWN, one, fit_strengths(UNKNOWN, one, {}, 0.9))
    together = list_preferences(UNKNOWN, two, fit_strengths(UNKNOWN, two, {}, 0.9))

    assert alone == ()
    assert [(pair.chosen, pair.rejected, pair.provenance) for pair in together] == [("a", "b", "human")]


def test_an_unrated_trace_is_not_paired_with_a_rated_one_nobody_compared_it_with() -> None:
    traces = [merged("a", 0.99), merged("b", None)]

    assert list_preferences(traces, [], fit_strengths(traces, [], {}, 0.65)) == ()


def test_a_pair_is_as_certain_as_its_weaker_trace() -> None:
    traces = [merged("a", 0.99), replace(merged("b", 0.1), provenance="ai")]

    (pair,) = list_preferences(traces, [], fit_strengths(traces, [], {}, 0.65))

    assert pair.provenance == "ai"


def test_a_whole_merge_orders_pairs_and_agrees_with_the_truth() -> None:
    world = simulated(1, Setting(num_traces=400, rated_share=0.5, num_comparisons=120))
    stands = {
        row.trace_id: bool(world.stands[world.starts[i + 1] - 1]) for i, row in enumerate(world.data.traces)
    }

    result = merge(world.data, MergePolicy())

    keys = [(pair.prompt_id, pair.chosen, pair.rejected) for pair in result.preferences]
    assert keys == sorted(keys)
    assert result.diagnostics.is_beta_fitted
    assert result.diagnostics.num_comparisons == 120
    differing = [pair for pair in result.preferences if stands[pair.chosen] != stands[pair.rejected]]
    assert np.mean([stands[pair.chosen] for pair in differing]) > 0.95
    assert all(0.8 <= pair.p <= 1.0 and 0.0 < pair.margin <= 3.0 for pair in result.preferences)


def test_comparisons_alone_are_enough_for_a_merge() -> None:
    data = MergeInput([trace("a"), trace("b")], comparisons=[compared("b", f"rater-{i}") for i in range(12)])

    result = merge(data, MergePolicy())

    assert [(pair.chosen, pair.rejected) for pair in result.preferences] == [("b", "a")]
