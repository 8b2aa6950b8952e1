"""Labels: thresholds, masks, and what a policy does not take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.labels import REASONS, label_step, label_steps, refuse_in_split, refuse_pair, refuse_trace
from exports.policy import ExportPolicy
from tests.exports.candidates import make_pair, make_trace

POLICY = ExportPolicy()


@pytest.mark.parametrize(
    ("p", "label"), [(1.0, 1), (0.8, 1), (0.7999, -100), (0.5, -100), (0.2001, -100), (0.2, 0), (0.0, 0)]
)
def test_a_step_is_labelled_only_beyond_the_thresholds(p: float, label: int) -> None:
    assert label_step(p, POLICY) == label


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_labels_are_one_zero_or_masked_one_a_step(posterior: list[float]) -> None:
    labels = label_steps(make_trace(posterior, ["x"] * len(posterior)), POLICY)

    assert len(labels) == len(posterior)
    assert set(labels) <= {1, 0, -100}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_masking_after_the_error_changes_no_step_up_to_it(posterior: list[float]) -> None:
    trace = make_trace(posterior, ["x"] * len(posterior))

    plain = label_steps(trace, POLICY)
    masked = label_steps(trace, ExportPolicy(after_error="mask"))

    end = plain.index(0) + 1 if 0 in plain else len(plain)
    assert masked[:end] == plain[:end]
    assert set(masked[end:]) <= {-100}


@pytest.mark.parametrize(
    ("trace", "policy", "reason"),
    [
        ({}, {}, None),
        ({"num_blind_raters": 1}, {}, "too_few_raters"),
        ({"num_blind_raters": 2}, {"minimum_raters": 3}, "too_few_raters"),
        ({"provenance": "none", "num_blind_raters": 1}, {}, "too_few_raters"),
        ({"provenance": "none", "num_blind_raters": 1}, {"minimum_raters": 1}, None),
        ({"provenance": "none", "num_blind_raters": 0}, {"minimum_raters": 1}, "too_few_raters"),
        ({"provenance": "hybrid", "num_blind_raters": 0}, {}, None),
        ({"provenance": "ai", "num_blind_raters": 0}, {"evidence": ("human",)}, "evidence_not_wanted"),
        ({}, {"evidence": ("ai",)}, "evidence_not_wanted"),
        ({"posterior": ()}, {}, "no_evidence"),
        ({"provenance": "gold"}, {}, None),
        ({"provenance": "gold"}, {"uses_gold_in_evaluation": False}, "gold_not_wanted"),
        ({}, {"models": ("other",)}, "other_model"),
        ({}, {"models": ("other", "tiny")}, None),
    ],
)
def test_a_trace_is_taken_or_left_out_for_a_reason(
    trace: dict[str, Any], policy: dict[str, Any], reason: str | None
) -> None:
    refused = refuse_trace(make_trace(**trace), ExportPolicy(**policy))

    assert (refused.reason if refused else None) == reason


@pytest.mark.parametrize(
    ("pair", "policy", "reason"),
    [
        ({}, {}, None),
        ({"probability": 0.85}, {"min_p_preference": 0.9}, "unclear_preference"),
        ({"provenance": "ai"}, {"evidence": ("human",)}, "evidence_not_wanted"),
        ({}, {"minimum_raters": 3}, "too_few_raters"),
        ({"chosen": make_trace(num_blind_raters=3)}, {"minimum_raters": 3}, "too_few_raters"),
        (
            {
                "chosen": make_trace(num_blind_raters=3),
                "rejected": make_trace((0.0,), ("x",), num_blind_raters=3),
            },
            {"minimum_raters": 3},
            None,
        ),
        ({"num_choosing": 3}, {"minimum_raters": 3}, None),
        ({"num_choosing": 2}, {"minimum_raters": 3}, "too_few_raters"),
        ({"provenance": "hybrid"}, {"minimum_raters": 3}, None),
        ({"provenance": "none", "chosen": make_trace(num_blind_raters=1)}, {}, "too_few_raters"),
        ({"provenance": "none", "chosen": make_trace(num_blind_raters=1)}, {"minimum_raters": 1}, None),
        ({"provenance": "none"}, {"minimum_raters": 1, "evidence": ("ai",)}, "evidence_not_wanted"),
        ({"rejected": make_trace(steps=("  \n",), posterior=(0.0,))}, {}, "empty_completion"),
        ({"rejected": make_trace(trace_id=2)}, {}, "same_text"),
        (
            {"rejected": make_trace((0.0,), ("x",), prompt="What is it, now?")},
            {},
            "different_prompts",
        ),
        ({"rejected": make_trace((0.0,), ("x",), model="other")}, {"models": ("tiny",)}, "other_model"),
    ],
)
def test_a_pair_is_taken_or_left_out_for_a_reason(
    pair: dict[str, Any], policy: dict[str, Any], reason: str | None
) -> None:
    refused = refuse_pair(make_pair(**pair), ExportPolicy(**policy))

    assert (refused.reason if refused else None) == reason


@pytest.mark.parametrize("split", ["validation", "test"])
def test_only_people_and_gold_evaluate(split: str) -> None:
    taken = [p for p in ("human", "hybrid", "ai", "gold", "none") if refuse_in_split(p, split) is None]

    assert taken == ["human", "gold"]


def test_gold_never_trains() -> None:
    taken = [p for p in ("human", "hybrid", "ai", "gold", "none") if refuse_in_split(p, "train") is None]

    assert taken == ["human", "hybrid", "ai", "none"]


def test_every_reason_has_words() -> None:
    assert all(words and not words.endswith(".") for words in REASONS.values())
