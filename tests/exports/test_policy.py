"""The policy: what it refuses, and that it survives being stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.policy import BadPolicy, ExportPolicy, read_policy


def test_the_defaults_are_domains() -> None:
    policy = ExportPolicy()

    assert (policy.good_from, policy.bad_to, policy.sft_from, policy.min_p_preference) == (0.8, 0.2, 0.9, 0.8)
    assert policy.minimum_raters == 2


@given(
    st.builds(
        ExportPolicy,
        good_from=st.floats(0.6, 1.0),
        bad_to=st.floats(0.0, 0.5),
        minimum_raters=st.integers(1, 9),
        evidence=st.sets(st.sampled_from(["human", "hybrid", "ai"])).map(lambda found: tuple(sorted(found))),
        after_error=st.sampled_from(["label", "mask"]),
        seed=st.integers(0, 2**31 - 1),
    )
)
def test_a_stored_policy_reads_back_as_it_was(policy: ExportPolicy) -> None:
    assert read_policy(policy.as_json()) == policy


def test_equal_policies_are_equal_texts() -> None:
    one = ExportPolicy(evidence=("human", "ai"), models=("b", "a"))
    other = ExportPolicy(evidence=("ai", "human", "ai"), models=("a", "b"))

    assert one.as_json() == other.as_json()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"good_from": 1.5}, "between 0 and 1"),
        ({"bad_to": float("nan")}, "between 0 and 1"),
        ({"good_from": 0.4, "bad_to": 0.4}, "good and bad at once"),
        ({"min_p_preference": 0.7}, "keeps no preference below"),
        ({"validation_share": 0.5, "test_share": 0.5}, "something to train on"),
        ({"minimum_raters": 0}, "at least 1 rater"),
        ({"evidence": ["rumour"]}, "no evidence called 'rumour'"),
        ({"after_error": "guess"}, "label or mask"),
        ({"near_duplicates": "none"}, "same_numbers or any_numbers"),
        ({"colour": "red"}, "no 'colour'"),
        ({"good_from": "much"}, "wrong type"),
    ],
)
def test_a_policy_that_can_not_be_is_refused_with_a_sentence(values: dict[str, object], message: str) -> None:
    with pytest.raises(BadPolicy, match=message):
        read_policy(values)
