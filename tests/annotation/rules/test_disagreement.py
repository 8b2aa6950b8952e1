"""What counts as a disagreement, and which one tells most when it is decided."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.disagreement import (
    BAD_PROBLEM,
    NO_ERROR,
    Finding,
    claim_of,
    entropy_bits,
    find_disagreement,
    spread_first_error,
)


@pytest.mark.parametrize(
    ("labels", "claim"),
    [((1, -1, None), 1), ((1, 0, 1), NO_ERROR), ((-1, 1, -1), 0), ((), NO_ERROR), ((0, 0), NO_ERROR)],
)
def test_a_rating_claims_the_place_of_its_first_error(labels: tuple[int | None, ...], claim: int) -> None:
    assert claim_of(labels) == claim


@pytest.mark.parametrize("claims", [[], [2], [2, 2, 2], [NO_ERROR, NO_ERROR], [BAD_PROBLEM]])
def test_who_agrees_or_is_alone_disagrees_with_nobody(claims: list[int]) -> None:
    assert find_disagreement(claims) is None


@pytest.mark.parametrize(
    ("claims", "bits"),
    [
        ([1, 2], 1.0),
        ([NO_ERROR, 0], 1.0),
        ([BAD_PROBLEM, NO_ERROR], 1.0),
        ([0, 1, 2], math.log2(3)),
        ([0, 0, 1], 0.9182958),  # -(2/3 log2 2/3 + 1/3 log2 1/3)
        ([0, 1, 2, 3], 2.0),
    ],
)
def test_before_a_merge_each_claim_counts_the_same(claims: list[int], bits: float) -> None:
    found = find_disagreement(claims)

    assert found is not None
    assert found.between == "raters"
    assert found.bits == pytest.approx(bits)


def test_a_merge_that_is_sure_makes_a_disagreement_tell_little() -> None:
    """It knows that one of the two is careless; where it does not, the same two ratings tell a whole bit."""
    sure = find_disagreement([1, NO_ERROR], posterior=(0.999, 0.99, 0.99), merged_claim=NO_ERROR)
    unsure = find_disagreement([1, NO_ERROR], posterior=(1.0, 0.5, 0.5), merged_claim=1)

    assert sure is not None
    assert unsure is not None
    assert sure.bits < 0.2
    assert unsure.bits == pytest.approx(1.0)


def test_a_merge_that_contradicts_all_raters_is_a_disagreement() -> None:
    found = find_disagreement([NO_ERROR], posterior=(0.9, 0.4, 0.4), merged_claim=1)

    assert found is not None
    assert found.between == "merge"
    assert found.bits == pytest.approx(entropy_bits([0.1, 0.5, 0.0, 0.4]))


@pytest.mark.parametrize("claims", [[1], [1, 1], [BAD_PROBLEM], []])
def test_a_merge_that_contradicts_nobody_who_rated_steps_is_none(claims: list[int]) -> None:
    assert find_disagreement(claims, posterior=(0.9, 0.4, 0.4), merged_claim=1) is None


@pytest.mark.parametrize("posterior", [(), (0.9, None, 0.3), (None, None)])
def test_a_posterior_with_gaps_is_left_out(posterior: tuple[float | None, ...]) -> None:
    assert find_disagreement([0, 1], posterior=posterior, merged_claim=0) == Finding("raters", 1.0)
    assert find_disagreement([0], posterior=posterior, merged_claim=1) is None


def test_the_falls_of_a_posterior_are_where_the_first_error_may_be() -> None:
    assert spread_first_error([0.9, 0.6, 0.6]) == pytest.approx([0.1, 0.3, 0.0, 0.6])
    assert spread_first_error([0.5, 1.0]) == pytest.approx([0.5 / 1.5, 0.0, 1.0 / 1.5])  # a recovery
    assert spread_first_error([]) == [1.0]


_PROBABILITIES = st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=30)


@given(_PROBABILITIES)
def test_any_posterior_spreads_to_a_distribution_whose_bits_are_bounded(posterior: list[float]) -> None:
    places = spread_first_error(posterior)

    assert len(places) == len(posterior) + 1
    assert sum(places) == pytest.approx(1.0)
    assert 0.0 <= entropy_bits(places) <= math.log2(len(places)) + 1e-9


@given(st.lists(st.integers(min_value=-2, max_value=5), max_size=8))
def test_the_order_of_raters_changes_nothing(claims: list[int]) -> None:
    first, second = find_disagreement(claims), find_disagreement(list(reversed(claims)))

    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.bits == pytest.approx(second.bits)


def test_nothing_at_all_has_no_entropy() -> None:
    assert entropy_bits([]) == 0.0
    assert entropy_bits([0.0, 0.0]) == 0.0
    assert entropy_bits([5.0]) == 0.0
