"""Agreement between raters, held against hand calculation."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.agreement import first_error_agreement, gwet_ac1, prevalence, share_agreed

verdicts_strategy = st.lists(
    st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=4), min_size=1, max_size=12
)


def test_two_raters_by_hand() -> None:
    # 125 traces: both find an error in 118, one of them in 5 + 2, so pi = (123 + 120) / 250 = 0.972.
    verdicts = [[True, True]] * 118 + [[True, False]] * 5 + [[False, True]] * 2
    by_chance = 2 * 0.972 * 0.028

    assert share_agreed(verdicts) == pytest.approx(118 / 125)
    assert prevalence(verdicts) == pytest.approx(0.972)
    assert gwet_ac1(verdicts) == pytest.approx((118 / 125 - by_chance) / (1 - by_chance))


def test_three_raters_with_one_missing_by_hand() -> None:
    # Pair shares: 1/3 and 1; the third trace has one rater, who counts for the prevalence only.
    verdicts = [[True, True, False], [False, None, False], [True, None, None]]
    errors = (2 / 3 + 0 + 1) / 3
    by_chance = 2 * errors * (1 - errors)

    assert share_agreed(verdicts) == pytest.approx((1 / 3 + 1) / 2)
    assert prevalence(verdicts) == pytest.approx(errors)
    assert gwet_ac1(verdicts) == pytest.approx(((1 / 3 + 1) / 2 - by_chance) / (1 - by_chance))


@pytest.mark.parametrize("verdicts", [[], [[True]], [[True, None], [None, None]]])
def test_without_two_raters_on_a_trace_there_is_no_agreement_to_speak_of(
    verdicts: list[list[bool | None]],
) -> None:
    assert share_agreed(verdicts) is None
    assert gwet_ac1(verdicts) is None


def test_without_ratings_there_is_no_prevalence() -> None:
    assert prevalence([[None, None]]) is None


def test_full_agreement_is_one_even_where_all_verdicts_are_the_same() -> None:
    assert gwet_ac1([[True, True]] * 5) == 1.0
    assert gwet_ac1([[True, True], [False, False]]) == 1.0


@given(verdicts_strategy)
def test_agreement_keeps_its_bounds(verdicts: list[list[bool | None]]) -> None:
    agreed, ac1 = share_agreed(verdicts), gwet_ac1(verdicts)

    assert (agreed is None) == (ac1 is None)
    if agreed is not None and ac1 is not None:
        assert 0.0 <= agreed <= 1.0
        assert -1.0 <= ac1 <= 1.0 + 1e-12


@given(verdicts_strategy, st.randoms(use_true_random=False))
def test_neither_the_order_of_raters_nor_of_traces_matters(
    verdicts: list[list[bool | None]], chance: random.Random
) -> None:
    shuffled = [chance.sample(said, len(said)) for said in chance.sample(verdicts, len(verdicts))]

    assert gwet_ac1(shuffled) == pytest.approx(gwet_ac1(verdicts))


@given(verdicts_strategy)
def test_swapping_the_two_verdicts_changes_no_agreement(verdicts: list[list[bool | None]]) -> None:
    swapped = [[None if one is None else not one for one in said] for said in verdicts]

    assert gwet_ac1(swapped) == pytest.approx(gwet_ac1(verdicts))


def test_first_errors_agree_only_on_the_same_step_and_no_error_is_an_answer() -> None:
    same, later, none = [1, -1, None], [1, 1, -1], [1, 1, 1]

    assert first_error_agreement([[same, same]]) == 1.0
    assert first_error_agreement([[same, later]]) == 0.0
    assert first_error_agreement([[none, none]]) == 1.0
    assert first_error_agreement([[none, same]]) == 0.0
    assert first_error_agreement([[none, none, None], [same, later]]) == 0.5
    assert first_error_agreement([[none, None]]) is None
