"""A decision is its trace's posterior, says on what it rests, and moves nothing else of the merge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from annotation.merging.data import (
    JudgeRow,
    MergedTrace,
    MergeInput,
    MergeInputError,
    MergePolicy,
    MergeResult,
    RatingRow,
    TraceRow,
)
from annotation.merging.decided import apply_decision
from annotation.merging.explain import explain
from annotation.merging.merge import merge

RATINGS = [
    RatingRow("a", "ann", (1, -1, None)),
    RatingRow("a", "bob", (1, 1, 1)),
    RatingRow("b", "ann", (1, 1, 1)),
    RatingRow("b", "bob", (1, 1, -1)),
    RatingRow("c", "ann", (-1, None, None)),
]
JUDGES = [JudgeRow(trace, "arithmetic@1", (0.9, 0.3, 0.8)) for trace in "abc"]


def run(policy: str = "chain", **decisions: TraceRow) -> MergeResult:
    rows = {name: TraceRow(name, f"prompt {name}", 3) for name in "abc"} | decisions
    return merge(
        MergeInput(list(rows.values()), RATINGS, JUDGES),
        MergePolicy(policy),  # type: ignore[arg-type]
    )


def decide(name: str, decided: tuple[int, ...], **fields: object) -> TraceRow:
    return TraceRow(name, f"prompt {name}", len(decided), decided=decided, **fields)  # type: ignore[arg-type]


def find(result: MergeResult, name: str) -> MergedTrace:
    return next(trace for trace in result.traces if trace.trace_id == name)


@pytest.mark.parametrize("policy", ["chain", "human_only", "majority"])
def test_a_decision_is_the_posterior_and_moves_nothing_else(policy: str) -> None:
    before, after = run(policy), run(policy, a=decide("a", (1, 0, 0)))

    decided = find(after, "a")
    assert (decided.posterior, decided.p_trace, decided.first_error) == ((1.0, 0.0, 0.0), 0.0, 1)
    assert [find(after, name) for name in "bc"] == [find(before, name) for name in "bc"]
    assert after.diagnostics == before.diagnostics


def test_a_decided_trace_without_an_error_has_none() -> None:
    decided = find(run(a=decide("a", (1, 1, 1))), "a")

    assert (decided.p_trace, decided.first_error) == (1.0, -1)


@pytest.mark.parametrize(
    ("name", "is_blind", "provenance"),
    [("a", True, "human"), ("a", False, "hybrid"), ("c", True, "human"), ("c", False, "hybrid")],
)
def test_the_adjudicator_is_one_person_more(name: str, is_blind: bool, provenance: str) -> None:
    before = find(run(), name)
    after = find(run(**{name: decide(name, (1, 0, 0), decided_blind=is_blind)}), name)

    assert after.provenance == provenance
    assert after.num_raters == before.num_raters + 1
    assert after.num_blind_raters == before.num_blind_raters + is_blind
    assert after.judges == ()


def test_an_adjudicator_whom_nobody_backs_is_too_few_for_human() -> None:
    alone = merge(MergeInput([decide("a", (1, 1), decided_blind=True)]), MergePolicy())

    assert find(alone, "a").provenance == "none"
    assert find(alone, "a").posterior == (1.0, 1.0)


def test_gold_goes_before_a_decision() -> None:
    row = replace(decide("a", (1, 1, 1)), gold=(1, 1, 0))

    trace = find(run(a=row), "a")

    assert trace.provenance == "gold"
    assert trace.posterior == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(("decided", "words"), [((1, 1), "3 steps"), ((1, 2, 0), "other than 0 and 1")])
def test_a_decision_that_does_not_fit_is_refused(decided: tuple[int, ...], words: str) -> None:
    row = TraceRow("a", "prompt a", 3, decided=decided)

    with pytest.raises(MergeInputError, match=words):
        run(a=row)


def test_an_undecided_trace_has_no_decision_to_apply() -> None:
    with pytest.raises(ValueError, match="not decided"):
        apply_decision(find(run(), "a"), TraceRow("a", "prompt a", 3))


def test_a_decided_trace_is_explained_by_nobodys_word() -> None:
    row = decide("a", (1, 0, 0))
    result = run(a=row)

    told = explain(find(result, "a"), row, RATINGS[:2], JUDGES[:1], result.diagnostics)

    assert told.posterior == (1.0, 0.0, 0.0)
    assert told.contributions == ()


def test_a_preference_rests_on_what_was_decided() -> None:
    rows = [
        TraceRow("a", "p", 3, decided=(1, 1, 1), decided_blind=True),
        TraceRow("b", "p", 3, decided=(0, 0, 0), decided_blind=True),
    ]
    result = merge(MergeInput(rows, RATINGS[:4]), MergePolicy())

    [pair] = result.preferences
    assert (pair.chosen, pair.rejected) == ("a", "b")
    assert pair.p > 0.99
