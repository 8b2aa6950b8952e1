"""What the hazard reads of judges, positions and verdicts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from annotation.merging.chain import Floats
from annotation.merging.corpus import build_corpus
from annotation.merging.data import JudgeRow, MergeInput, TraceRow
from annotation.merging.features import compute_features, name_features, narrow_view, view_traces
from tests.annotation.merging.worlds import trace

scores = st.lists(st.none() | st.floats(0.0, 1.0), min_size=1, max_size=8)


def features_of(*p: float | None, cut: int | None = None) -> Floats:
    """Features of a single trace with one judge; columns position, log-odds, change, next, not scored."""
    corpus = build_corpus(MergeInput([trace("a", steps=len(p))], judges=[JudgeRow("a", "j@1", p)]))
    view = view_traces(corpus, np.array([0]), None if cut is None else np.array([cut]))
    return compute_features(corpus, view, ("j@1",), use_verdict=False)


def test_each_judge_gives_its_log_odds_their_change_and_the_next_ones() -> None:
    low, middle, high = logit([0.2, 0.5, 0.9])

    columns = features_of(0.2, 0.5, 0.9)

    np.testing.assert_allclose(columns[:, 1], [low, middle, high])
    np.testing.assert_allclose(columns[:, 2], [0.0, middle - low, high - middle])
    np.testing.assert_allclose(columns[:, 3], [middle, high, high])
    np.testing.assert_allclose(columns[:, 4], 0.0)


def test_probabilities_are_clipped_to_two_and_ninety_eight_percent() -> None:
    np.testing.assert_allclose(features_of(0.0, 1.0)[:, 1], logit([0.02, 0.98]))


def test_a_step_the_judge_skipped_is_marked_and_its_neighbours_do_without_it() -> None:
    columns = features_of(0.2, None, 0.9)

    assert np.isnan(columns[1, 1:3]).all()
    assert columns[:, 4].tolist() == [0.0, 1.0, 0.0]
    assert columns[0, 3] == columns[0, 1]
    assert columns[2, 2] == 0.0
    assert columns[1, 3] == columns[2, 1]


def test_positions_are_relative_to_the_whole_trace() -> None:
    np.testing.assert_allclose(features_of(0.5, 0.5, 0.5, 0.5)[:, 0], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(features_of(0.5)[:, 0], [0.5])


def test_a_trace_cut_short_still_knows_the_score_after_the_cut() -> None:
    np.testing.assert_array_equal(features_of(0.2, 0.5, 0.9, cut=2), features_of(0.2, 0.5, 0.9)[:2])


@given(scores)
def test_inverting_a_judge_turns_the_sign_of_its_three_numbers_and_nothing_else(
    p: list[float | None],
) -> None:
    before = features_of(*p)
    after = features_of(*(None if value is None else 1.0 - value for value in p))

    np.testing.assert_allclose(after[:, 1:4], -before[:, 1:4], atol=1e-9)
    np.testing.assert_array_equal(after[:, [0, 4]], before[:, [0, 4]])


def test_scores_never_leak_from_one_trace_into_the_next() -> None:
    rows = [JudgeRow("a", "j@1", (0.9, 0.9)), JudgeRow("b", "j@1", (0.1, 0.1))]
    corpus = build_corpus(MergeInput([trace("a", steps=2), trace("b", steps=2)], judges=rows))

    columns = compute_features(corpus, view_traces(corpus, np.array([0, 1])), ("j@1",), use_verdict=False)

    np.testing.assert_allclose(columns[:, 2], 0.0)
    np.testing.assert_allclose(columns[:, 3], logit([0.9, 0.9, 0.1, 0.1]))


def test_the_verdict_is_one_minus_one_or_unknown() -> None:
    rows = [TraceRow("a", "p", 1, True), TraceRow("b", "p", 1, False), TraceRow("c", "p", 1, None)]
    corpus = build_corpus(MergeInput(rows))

    columns = compute_features(corpus, view_traces(corpus, np.arange(3)), (), use_verdict=True)

    np.testing.assert_array_equal(columns[:, 1], [1.0, -1.0, np.nan])
    assert columns[:, 2].tolist() == [0.0, 0.0, 1.0]


def test_names_stand_for_columns_one_by_one() -> None:
    names = name_features(("j@1", "k@2"), use_verdict=True)

    assert len(names) == 1 + 2 + 2 * 4
    assert names[0] == "relative position"
    assert names[3] == "j@1: log-odds"
    assert names[-1] == "k@2: not scored"


def test_narrowing_a_view_keeps_its_cuts() -> None:
    corpus = build_corpus(MergeInput([trace("a"), trace("b"), trace("c")]))
    view = view_traces(corpus, np.array([0, 1, 2]), np.array([1, 2, 3]))

    narrow = narrow_view(corpus, view, np.array([False, True, True]))

    assert narrow.steps.tolist() == [3, 4, 6, 7, 8]
    assert narrow.owner.tolist() == [0, 0, 1, 1, 1]
