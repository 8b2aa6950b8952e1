"""The anchoring report: by hand, and recovered from simulated crews that a judge pulls towards itself."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.measuring.anchoring import (
    Anchoring,
    agree_on_steps,
    find_errors,
    measure_anchoring,
)
from annotation.measuring.rows import DrawnRating

NUM_STEPS = 6


def make_rating(trace: int, is_assisted: bool, labels: tuple[int | None, ...]) -> DrawnRating:
    return DrawnRating(trace, 1, is_assisted, labels, (0.9, 0.9, 0.2))


def simulate_crew(
    source: np.random.Generator,
    *,
    sway: float,
    num_traces: int = 120,
    num_raters: int = 3,
    share: float = 0.4,
) -> list[DrawnRating]:
    """Raters who call a step good with a probability of their own, and who, where they were shown what the judge says,
    say what it says with probability `sway` instead. The judge is right about 7 of 10 steps. Raters go on after errors.
    """
    ratings = []
    for trace in range(num_traces):
        stands = source.random(NUM_STEPS) < source.uniform(
            0.4, 1.0
        )  # traces differ, so their steps go together
        says = np.where(source.random(NUM_STEPS) < 0.7, stands, ~stands)
        probabilities = tuple(0.9 if one else 0.1 for one in says)
        for rater in range(num_raters):
            own = np.where(source.random(NUM_STEPS) < 0.75 + 0.05 * rater, stands, ~stands)
            is_assisted = bool(source.random() < share)
            follows = is_assisted & (source.random(NUM_STEPS) < sway)
            labels = tuple(1 if one else -1 for one in np.where(follows, says, own))
            ratings.append(DrawnRating(trace, 1, is_assisted, labels, probabilities))
    return ratings


def expect_effect(sway: float) -> float:
    """Blind, rater r agrees with the judge where both are right or both wrong; swayed, always."""
    blind = np.mean([0.7 * p + 0.3 * (1 - p) for p in (0.75, 0.8, 0.85)])
    return float(sway * (1 - blind))


@pytest.mark.parametrize("sway", [0.0, 0.25, 0.6])
def test_the_report_recovers_the_effect_within_its_interval_in_nine_of_ten_runs(sway: float) -> None:
    num_runs, effect = 120, expect_effect(sway)
    found = [
        measure_anchoring(1, simulate_crew(np.random.default_rng([7, run]), sway=sway)).steps
        for run in range(num_runs)
    ]

    inside = sum((one.low or -9) <= effect <= (one.high or -9) for one in found)
    assert inside >= 0.9 * num_runs
    assert np.mean([one.value for one in found if one.value is not None]) == pytest.approx(effect, abs=0.01)


def test_a_crew_that_is_not_swayed_shows_no_effect_and_one_that_is_does() -> None:
    calm = measure_anchoring(1, simulate_crew(np.random.default_rng(1), sway=0.0))
    swayed = measure_anchoring(1, simulate_crew(np.random.default_rng(1), sway=0.6))

    assert (calm.steps.low or 1) < 0 < (calm.steps.high or -1)
    assert (swayed.steps.low or -1) > 0.1
    assert (swayed.verdicts.value or -1) > 0


def test_the_difference_by_hand() -> None:
    # The judge finds step 3 bad. Assisted raters agree on 3 of 3 steps, blind ones on 2 of 3, and on no verdict.
    follow, differ = (1, 1, -1), (1, 1, 1)
    ratings = [make_rating(trace, True, follow) for trace in range(12)]
    ratings += [make_rating(trace, False, differ) for trace in range(12, 24)]

    found = measure_anchoring(1, ratings)

    assert (found.num_assisted, found.num_blind, found.num_traces) == (12, 12, 24)
    assert (found.steps_assisted, found.steps_blind) == (1.0, pytest.approx(2 / 3))
    assert found.steps.value == pytest.approx(1 / 3)
    assert (found.verdicts_assisted, found.verdicts_blind, found.verdicts.value) == (1.0, 0.0, 1.0)


def test_nothing_is_said_with_fewer_than_ten_in_an_arm() -> None:
    ratings = [make_rating(trace, trace < 9, (1, 1, 1)) for trace in range(40)]

    found = measure_anchoring(1, ratings)

    assert (found.steps.value, found.steps_assisted) == (None, None)
    assert (found.num_assisted, found.num_blind) == (9, 31)
    assert isinstance(found, Anchoring)


def test_steps_that_either_leaves_out_do_not_count() -> None:
    assert agree_on_steps((1, -1, None), (0.9, 0.9, 0.1)) == 0.5
    assert agree_on_steps((1, -1, None), (None, None, 0.1)) is None
    assert agree_on_steps((0,), (0.5,)) == 1.0  # neutral stands, and one half is not below one half


def test_a_rating_on_which_the_judge_says_nothing_is_no_rating_for_it() -> None:
    silent = [DrawnRating(trace, 1, trace % 2 == 0, (1, 1), (None, None)) for trace in range(40)]

    assert measure_anchoring(1, silent).num_assisted == 0


def test_a_judge_finds_an_error_below_one_half() -> None:
    assert find_errors((0.9, None, 0.49))
    assert not find_errors((0.5, None))


def test_the_order_of_ratings_changes_nothing() -> None:
    ratings = simulate_crew(np.random.default_rng(2), sway=0.3, num_traces=30)

    assert measure_anchoring(1, ratings) == measure_anchoring(1, ratings[::-1])


def test_many_raters_of_a_few_traces_say_nothing() -> None:
    """Thirty ratings in each arm, but on three traces: drawing three traces anew makes no interval."""
    labels = (1, 1, -1)
    ratings = [
        make_rating(trace, arm, labels) for trace in range(3) for arm in (True, False) for _ in range(30)
    ]

    found = measure_anchoring(1, ratings)

    assert (found.num_assisted, found.num_blind, found.num_traces) == (90, 90, 3)
    assert found.steps.value is None
