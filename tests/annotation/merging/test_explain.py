"""Explanations: they recompute the merge, and say who moved what."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from annotation.merging.data import MergedTrace, MergeInput, MergeInputError, MergePolicy, MergeResult
from annotation.merging.explain import Explanation, explain
from annotation.merging.merge import merge
from annotation.merging.stored import dump_diagnostics, load_diagnostics
from benchmarks.merge_simulator import Setting
from tests.annotation.merging.worlds import find, keep_ratings, rating, simulated, trace

POLICIES = [
    MergePolicy(),
    MergePolicy(recovery="learned", use_verdict=True),
    MergePolicy("human_only"),
    MergePolicy("majority"),
]


def explain_from(data: MergeInput, result: MergeResult, merged: MergedTrace) -> Explanation:
    """Explain one trace from its own rows and the stored diagnostics, as a page would."""
    return explain(
        merged,
        next(row for row in data.traces if row.trace_id == merged.trace_id),
        [row for row in data.ratings if row.trace_id == merged.trace_id],
        [row for row in data.judges if row.trace_id == merged.trace_id],
        load_diagnostics(dump_diagnostics(result.diagnostics)),
    )


def mixed_world() -> MergeInput:
    """A world where some rated traces keep one rater only, so that every provenance occurs."""
    data = simulated(2, Setting(num_traces=240, rated_share=0.6)).data
    ratings = [row for i, row in enumerate(data.ratings) if i % 3 == 0 or i % 9 < 6]
    gold = [replace(row, gold=(1,) * row.num_steps) if i < 3 else row for i, row in enumerate(data.traces)]
    return replace(keep_ratings(data, ratings), traces=gold)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_explanation_recomputes_the_posterior_of_the_merge(policy: MergePolicy) -> None:
    data = mixed_world()
    result = merge(data, policy)

    for merged in result.traces[::7]:
        explanation = explain_from(data, result, merged)
        np.testing.assert_allclose(explanation.posterior, merged.posterior, atol=1e-12)


def test_every_rating_and_every_judge_that_spoke_is_named_once() -> None:
    data = mixed_world()
    result = merge(data, MergePolicy())
    hybrid = next(merged for merged in result.traces if merged.provenance == "hybrid")

    explanation = explain_from(data, result, hybrid)

    raters = sorted(row.rater for row in data.ratings if row.trace_id == hybrid.trace_id)
    assert [c.source for c in explanation.contributions if c.kind == "rating"] == raters
    assert [c.source for c in explanation.contributions if c.kind == "judge"] == ["judge-0@1", "judge-1@1"]
    assert all(len(c.changes) == len(hybrid.posterior) for c in explanation.contributions)


def test_judges_that_a_human_trace_left_out_contribute_nothing() -> None:
    data = mixed_world()
    result = merge(data, MergePolicy())
    human = next(merged for merged in result.traces if merged.provenance == "human")

    assert {c.kind for c in explain_from(data, result, human).contributions} == {"rating"}


def test_a_bad_rating_lowers_the_step_and_a_good_one_raises_it() -> None:
    ratings = [rating("a", "ann", 1, -1, None), rating("a", "bob", 1, 1, 1)]
    data = MergeInput([trace("a")], ratings)
    result = merge(data, MergePolicy())

    ann, bob = explain_from(data, result, result.traces[0]).contributions

    assert (ann.source, bob.source) == ("ann", "bob")
    assert ann.changes[1] < 0.0 < bob.changes[1]


def test_a_single_source_moves_the_posterior_by_all_that_it_moved() -> None:
    data = MergeInput([trace("a")], [rating("a", "ann", 1, 1, -1)])
    result = merge(data, MergePolicy())

    explanation = explain_from(data, result, result.traces[0])

    (only,) = explanation.contributions
    np.testing.assert_allclose(
        np.array(explanation.without_sources) + only.changes, explanation.posterior, atol=1e-12
    )
    np.testing.assert_allclose(explanation.without_sources, np.cumprod(1.0 - np.array(explanation.hazards)))


def test_without_any_source_a_trace_has_what_its_position_and_average_judges_say() -> None:
    data = mixed_world()
    result = merge(data, MergePolicy())
    spoken = next(merged for merged in result.traces if merged.provenance == "ai")

    explanation = explain_from(data, result, spoken)

    assert result.diagnostics.joint is not None
    model = next(model for model in result.diagnostics.joint.hazards if model.judges == spoken.judges)
    assert spoken.fold is None
    size = len(spoken.posterior)
    position = (np.arange(size) + 0.5) / size
    scaled = (position - model.means[0]) / model.scales[0]
    hazard = expit(model.intercepts[-1] + model.coefficients[-1][0] * scaled)
    np.testing.assert_allclose(explanation.without_sources, np.cumprod(1.0 - hazard), atol=1e-9)


def test_gold_is_moved_by_nobody() -> None:
    data = mixed_world()
    result = merge(data, MergePolicy())
    gold = next(merged for merged in result.traces if merged.provenance == "gold")

    changes = [c.changes for c in explain_from(data, result, gold).contributions]

    assert all(set(one) == {0.0} for one in changes)


def test_a_trace_without_a_posterior_has_nothing_to_explain() -> None:
    data = MergeInput([trace("a")])
    result = merge(data, MergePolicy())

    assert explain_from(data, result, result.traces[0]) == Explanation("a", (), (), (), ())


def test_a_majority_is_explained_by_leaving_raters_out() -> None:
    ratings = [rating("a", "ann", -1), rating("a", "bob", 1), rating("a", "eve", 1)]
    data = MergeInput([trace("a", steps=1)], ratings)
    result = merge(data, MergePolicy("majority"))

    ann, bob, _ = explain_from(data, result, find(result, "a")).contributions

    assert ann.changes[0] == pytest.approx(2 / 3 - 1.0)
    assert bob.changes[0] == pytest.approx(2 / 3 - 1 / 2)


def test_a_run_without_the_fit_that_made_the_trace_is_refused() -> None:
    data = MergeInput([trace("a")], [rating("a", "ann", 1, 1, -1)])
    result = merge(data, MergePolicy())
    without = replace(result, diagnostics=replace(result.diagnostics, people=None))

    with pytest.raises(MergeInputError, match="stored no fit"):
        explain_from(data, without, result.traces[0])
