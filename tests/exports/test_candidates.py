"""From candidates to rows: the verdicts in their order, in each split."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser
from exports.labels import LeftOut
from exports.policy import ExportPolicy
from exports.queries import SuspectPrompts
from exports.rows import AskedPrompt
from tests.exports.candidates import make_pair, make_trace

NOBODY = SuspectPrompts(frozenset(), frozenset())
PROMPT = 10


def make_chooser(
    split: str = "train", suspects: SuspectPrompts = NOBODY, policy: ExportPolicy | None = None
) -> Chooser:
    return Chooser(policy or ExportPolicy(), "standard", {PROMPT: split}, suspects)


def reasons(rows: Any) -> dict[str, str]:
    return {config: row.reason if isinstance(row, LeftOut) else "" for config, _, row in rows}


def test_a_good_trace_makes_a_row_of_every_kind() -> None:
    rows = make_chooser().rows_of_trace(make_trace(), TRACE_FORMATS)

    assert reasons(rows) == {"stepwise": "", "unpaired_preference": "", "sft": ""}


def test_only_the_configs_asked_for_are_made() -> None:
    assert [config for config, _, _ in make_chooser().rows_of_trace(make_trace(), ["sft"])] == ["sft"]


@pytest.mark.parametrize(
    ("split", "provenance", "reason"),
    [
        ("train", "gold", "gold"),
        ("test", "gold", ""),
        ("test", "ai", "not_for_evaluation"),
        ("validation", "hybrid", "not_for_evaluation"),
        ("train", "ai", ""),
        ("validation", "human", ""),
    ],
)
def test_the_split_decides_which_evidence_counts(split: str, provenance: str, reason: str) -> None:
    rows = make_chooser(split).rows_of_trace(make_trace(provenance=provenance), ["stepwise"])

    assert reasons(rows) == {"stepwise": reason}


def test_a_broken_prompt_gives_no_rows_at_all() -> None:
    chooser = make_chooser(suspects=SuspectPrompts(frozenset({PROMPT}), frozenset()))

    traces = reasons(chooser.rows_of_trace(make_trace(), TRACE_FORMATS))
    pairs = reasons(chooser.rows_of_pair(make_pair(), PAIR_FORMATS))

    assert set(traces.values()) == set(pairs.values()) == {"bad_prompt"}
    assert chooser.row_of_prompt(AskedPrompt(PROMPT, "Q", "7", "numeric"))[1] == LeftOut("bad_prompt")


def test_a_wrong_reference_spares_everything_but_prompts() -> None:
    chooser = make_chooser(suspects=SuspectPrompts(frozenset(), frozenset({PROMPT})))

    assert set(reasons(chooser.rows_of_trace(make_trace(), TRACE_FORMATS)).values()) == {""}
    assert chooser.row_of_prompt(AskedPrompt(PROMPT, "Q", "7", "numeric"))[1] == LeftOut("wrong_reference")


def test_a_policy_may_trust_prompts_that_raters_doubt() -> None:
    both = SuspectPrompts(frozenset({PROMPT}), frozenset({PROMPT}))
    chooser = make_chooser(suspects=both, policy=ExportPolicy(leaves_out_bad_prompts=False))

    assert isinstance(chooser.row_of_prompt(AskedPrompt(PROMPT, "Q", "7", "numeric"))[1], dict)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.sampled_from(["human", "hybrid", "ai", "gold", "none"]),
    st.sampled_from(["train", "validation", "test"]),
    st.integers(0, 4),
    st.builds(ExportPolicy, minimum_raters=st.integers(1, 4), after_error=st.sampled_from(["label", "mask"])),
)
def test_no_row_ever_breaks_the_evidence_rules(
    posterior: list[float], provenance: str, split: str, num_raters: int, policy: ExportPolicy
) -> None:
    trace = make_trace(posterior, ["x"] * len(posterior), provenance=provenance, num_blind_raters=num_raters)

    for _, _, row in make_chooser(split, policy=policy).rows_of_trace(trace, TRACE_FORMATS):
        if isinstance(row, LeftOut):
            continue
        assert provenance != "gold" or split != "train"
        assert split == "train" or provenance in ("human", "gold")
        assert provenance not in ("human", "none") or num_raters >= policy.minimum_raters
        assert set(row.get("labels", [1])) != {-100}


@pytest.mark.parametrize(
    ("pair", "split", "reason"),
    [
        ({}, "train", ""),
        ({}, "test", ""),
        ({"provenance": "hybrid"}, "test", "not_for_evaluation"),
        ({"probability": 0.79}, "train", "unclear_preference"),
    ],
)
def test_a_pair_is_judged_like_a_trace(pair: dict[str, Any], split: str, reason: str) -> None:
    found = reasons(make_chooser(split).rows_of_pair(make_pair(**pair), ["preference"]))

    assert found == {"preference": reason}
