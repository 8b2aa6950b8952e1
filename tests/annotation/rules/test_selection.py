"""How much a trace needs a person, and how likely it is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.selection import RANDOM_SHARE, need, selection_probability

probabilities = st.floats(0.0, 1.0)
scores = st.lists(probabilities, max_size=5)


def need_of(scores: list[float], correct: bool | None = None, posterior: float | None = None) -> float:
    return need(judge_trace_scores=scores, is_answer_correct=correct, trace_posterior=posterior)


@given(scores, st.sampled_from([True, False, None]), st.none() | probabilities)
def test_a_need_lies_between_zero_and_one(
    scores: list[float], correct: bool | None, posterior: float | None
) -> None:
    assert 0.0 <= need_of(scores, correct, posterior) <= 1.0


def test_a_trace_of_which_nothing_is_known_has_no_need() -> None:
    assert need_of([]) == 0.0


def test_a_convincing_wrong_answer_needs_a_person_and_a_convincing_right_one_does_not() -> None:
    assert need_of([0.9, 0.9], correct=False) == pytest.approx(0.9)
    assert need_of([0.9, 0.9], correct=True) == 0.0
    assert need_of([0.9, 0.9], correct=None) == 0.0


def test_judges_that_disagree_most_need_a_person_most() -> None:
    assert need_of([0.0, 1.0]) == 1.0
    assert need_of([0.4, 0.6]) == pytest.approx(0.2)
    assert need_of([0.7]) == 0.0


def test_a_posterior_of_one_half_needs_a_person_and_a_certain_one_does_not() -> None:
    assert need_of([], posterior=0.5) == 1.0
    assert need_of([], posterior=0.0) == need_of([], posterior=1.0) == 0.0


@given(scores, st.none() | probabilities)
def test_the_order_of_judges_does_not_matter(scores: list[float], posterior: float | None) -> None:
    assert need_of(scores, False, posterior) == pytest.approx(need_of(scores[::-1], False, posterior))


@pytest.mark.parametrize("number", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_number_that_is_no_probability_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        need_of([number])
    with pytest.raises(ValueError, match="between 0 and 1"):
        need_of([], posterior=number)


@given(st.lists(probabilities, min_size=1, max_size=20))
def test_over_all_candidates_the_probabilities_sum_to_one_and_none_is_tiny(needs: list[float]) -> None:
    total = sum(needs)
    drawn = [selection_probability(need=one, total_need=total, num_candidates=len(needs)) for one in needs]

    assert sum(drawn) == pytest.approx(1.0)
    assert min(drawn) >= RANDOM_SHARE / len(needs) - 1e-12


def test_greater_need_is_drawn_more_often() -> None:
    often = selection_probability(need=0.9, total_need=1.0, num_candidates=2)
    seldom = selection_probability(need=0.1, total_need=1.0, num_candidates=2)

    assert (often, seldom) == (pytest.approx(0.7), pytest.approx(0.3))


def test_a_random_share_of_one_ignores_need() -> None:
    assert selection_probability(need=0.9, total_need=1.0, num_candidates=4, random_share=1.0) == 0.25


@pytest.mark.parametrize(
    ("need_", "total", "num", "share"),
    [(0.5, 1.0, 0, 0.5), (0.5, 0.2, 3, 0.5), (-0.1, 1.0, 3, 0.5), (0.5, 1.0, 3, 1.5)],
)
def test_numbers_that_cannot_be_are_refused(need_: float, total: float, num: int, share: float) -> None:
    with pytest.raises(ValueError, match=r"draw|total"):
        selection_probability(need=need_, total_need=total, num_candidates=num, random_share=share)
