"""Rows become arrays: sorted, complete, and refused with a sentence when they cannot be right."""

import math

import numpy as np
import pytest
from scipy.special import logit

from annotation.merging.corpus import build_corpus, row_steps
from annotation.merging.data import (
    ComparisonRow,
    JudgeRow,
    MergeInput,
    MergeInputError,
    RatingRow,
    TraceRow,
)
from tests.annotation.merging.worlds import rating, trace


def test_steps_lie_trace_after_trace_in_order_of_their_ids() -> None:
    corpus = build_corpus(MergeInput([trace("b", steps=2), trace("a", steps=3, prompt="q")]))

    assert [row.trace_id for row in corpus.traces] == ["a", "b"]
    assert corpus.starts.tolist() == [0, 3, 5]
    assert corpus.prompts == ("p", "q")
    assert corpus.prompt_of.tolist() == [1, 0]


def test_labels_keep_only_judged_steps_sorted_by_step_then_rater() -> None:
    data = MergeInput(
        [trace("a"), trace("b", steps=1)],
        [rating("b", "zoe", 0), rating("a", "zoe", 1, -1, None), rating("a", "ann", 1, 1, 1)],
    )

    labels = build_corpus(data).labels

    assert labels.step.tolist() == [0, 0, 1, 1, 2, 3]
    assert labels.rater.tolist() == [0, 1, 0, 1, 0, 1]
    assert labels.column.tolist() == [2, 2, 2, 0, 2, 1]


def test_raters_are_counted_by_trace_and_those_who_gave_up_are_not() -> None:
    data = MergeInput(
        [trace("a"), trace("b")],
        [
            rating("a", "ann", 1, None, None),
            rating("a", "bob", 1, 1, 1, assisted=True),
            rating("b", "ann", None, None, None),
        ],
    )

    corpus = build_corpus(data)

    assert corpus.num_raters.tolist() == [2, 0]
    assert corpus.num_blind_raters.tolist() == [1, 0]


def test_scores_become_clipped_log_odds_with_nan_where_a_judge_is_silent() -> None:
    data = MergeInput([trace("a")], judges=[JudgeRow("a", "j@1", (0.0, None, 0.5))])

    (log_odds,) = build_corpus(data).log_odds

    assert log_odds[0] == pytest.approx(logit(0.02))
    assert math.isnan(log_odds[1])
    assert log_odds[2] == 0.0


def test_gold_and_verdicts_are_nan_where_unknown() -> None:
    data = MergeInput([TraceRow("a", "p", 2, True, (1, 0)), TraceRow("b", "p", 1, None, None)])

    corpus = build_corpus(data)

    np.testing.assert_array_equal(corpus.gold, [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(corpus.verdicts, [1.0, np.nan])
    assert corpus.is_gold.tolist() == [True, False]


def test_row_steps_counts_up_from_each_rows_first_step() -> None:
    assert row_steps(np.array([10, 0]), np.array([3, 2])).tolist() == [10, 11, 12, 0, 1]
    assert row_steps(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


COMPARED = ComparisonRow("p", "a", "b", "ann", "a")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (MergeInput([trace("a"), trace("a")]), "'a' appears twice"),
        (MergeInput([trace("a", steps=0)]), "has 0 steps"),
        (MergeInput([trace("a", gold=(1, 0))]), "has 3 steps, but its row of 'gold' has 2"),
        (MergeInput([trace("a", gold=(1, 0, 2))]), "something other than 0 and 1"),
        (
            MergeInput([trace("a")], [rating("x", "ann", 1)]),
            "'x' is rated or scored but not among the traces",
        ),
        (MergeInput([trace("a")], [rating("a", "ann", 1)]), "has 3 steps, but its row of 'ann' has 1"),
        (MergeInput([trace("a")], [rating("a", "ann", 1, 2, 1)]), "'ann' gave trace 'a' the label 2"),
        (MergeInput([trace("a")], [RatingRow("a", "ann", ("x", 1, 1))]), "labels must be numbers"),  # type: ignore[arg-type]
        (MergeInput([trace("a")], [rating("a", "ann", 1, 1, 1)] * 2), "two rows of 'ann'"),
        (MergeInput([trace("a")], judges=[JudgeRow("a", "j", (0.1, 1.2, 0.3))]), r"outside \[0, 1\]"),
        (MergeInput([trace("a")], judges=[JudgeRow("a", "j", (0.1, math.nan, 0.3))]), "not a number"),
        (MergeInput([trace("a")], comparisons=[COMPARED]), "'b' is compared but not among the traces"),
        (
            MergeInput([trace("a"), trace("b", prompt="q")], comparisons=[COMPARED]),
            "compared under prompt 'p'",
        ),
        (
            MergeInput([trace("a")], comparisons=[ComparisonRow("p", "a", "a", "ann", "a")]),
            "compared with itself",
        ),
        (
            MergeInput([trace("a"), trace("b")], comparisons=[ComparisonRow("p", "a", "b", "ann", "c")]),  # type: ignore[arg-type]
            "'c' is no choice",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_sentence(data: MergeInput, sentence: str) -> None:
    with pytest.raises(MergeInputError, match=sentence):
        build_corpus(data)
