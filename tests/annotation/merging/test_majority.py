"""The plain policy: shares of raters."""

from annotation.merging.data import MergeInput, MergePolicy
from annotation.merging.merge import merge
from tests.annotation.merging.worlds import rating, trace

MAJORITY = MergePolicy("majority")


def test_a_posterior_is_the_share_of_raters_who_let_the_step_stand() -> None:
    ratings = [rating("a", "ann", 1, 0, 1), rating("a", "bob", 1, 1, -1), rating("a", "eve", 1, -1, -1)]

    merged = merge(MergeInput([trace("a")], ratings), MAJORITY).traces[0]

    assert merged.posterior == (1.0, 2 / 3, 1 / 3)
    assert merged.p_trace == 1 / 3
    assert merged.first_error == 1
    assert merged.provenance == "human"


def test_a_neutral_step_stands() -> None:
    merged = merge(
        MergeInput([trace("a", steps=1)], [rating("a", "ann", 0), rating("a", "bob", 0)]), MAJORITY
    )

    assert merged.traces[0].posterior == (1.0,)
    assert merged.traces[0].first_error == -1


def test_steps_that_nobody_judged_follow_the_step_before_them() -> None:
    ratings = [rating("a", "ann", 1, -1, None), rating("a", "bob", 1, -1, None)]

    merged = merge(MergeInput([trace("a")], ratings), MAJORITY).traces[0]

    assert merged.posterior == (1.0, 0.0, 0.0)
    assert merged.first_error == 1


def test_a_step_stands_again_only_with_recovery() -> None:
    data = MergeInput([trace("a")], [rating("a", "ann", 1, -1, 1)])

    assert merge(data, MAJORITY).traces[0].posterior == (1.0, 0.0, 0.0)
    assert merge(data, MergePolicy("majority", recovery="learned")).traces[0].posterior == (1.0, 0.0, 1.0)


def test_unrated_traces_have_no_posterior_and_one_rater_is_not_enough_for_a_provenance() -> None:
    alone, unrated = merge(
        MergeInput([trace("a"), trace("b")], [rating("a", "ann", 1, 1, 1)]), MAJORITY
    ).traces

    assert (alone.posterior, alone.provenance) == ((1.0, 1.0, 1.0), "none")
    assert (unrated.posterior, unrated.provenance) == ((), "none")


def test_gold_is_what_it_is() -> None:
    data = MergeInput([trace("a", gold=(1, 0, 0))], [rating("a", "ann", -1, 1, 1)])

    merged = merge(data, MAJORITY).traces[0]

    assert (merged.posterior, merged.provenance, merged.first_error) == ((1.0, 0.0, 0.0), "gold", 1)


def test_no_matrices_are_fitted() -> None:
    result = merge(MergeInput([trace("a")], [rating("a", "ann", 1, 1, 1)]), MAJORITY)

    assert result.diagnostics.people is None
    assert result.diagnostics.joint is None
