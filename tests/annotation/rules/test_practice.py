"""Which gold makes a tutorial, what an answer is told, and when a test is passed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.practice import Candidate, Finding, choose_varied, compare_with_gold, has_passed

KINDS = {
    "none": (True, True, True),
    "first": (False, True, True),
    "middle": (True, False, True),
    "last": (True, True, False),
}


def make_candidates(**numbers: int) -> list[Candidate]:
    """So many of each kind; ids start at a hundred for each."""
    return [
        Candidate(100 * place + number, KINDS[kind])
        for place, kind in enumerate(KINDS)
        for number in range(numbers.get(kind, 0))
    ]


def test_each_kind_of_trace_comes_early() -> None:
    chosen = choose_varied(make_candidates(none=9, first=9, middle=9, last=9), 6, random.Random(1))

    assert {trace_id // 100 for trace_id in chosen[:4]} == {0, 1, 2, 3}
    assert len(set(chosen)) == 6


def test_a_kind_that_runs_out_is_made_up_for_by_the_others() -> None:
    chosen = choose_varied(make_candidates(none=1, middle=9), 6, random.Random(1))

    assert sorted(trace_id // 100 for trace_id in chosen) == [0, 2, 2, 2, 2, 2]


@given(
    numbers=st.dictionaries(st.sampled_from(sorted(KINDS)), st.integers(0, 5)),
    num=st.integers(0, 12),
    seed=st.integers(0, 99),
)
def test_as_many_as_there_are_and_none_twice(numbers: dict[str, int], num: int, seed: int) -> None:
    candidates = make_candidates(**numbers)

    chosen = choose_varied(candidates, num, random.Random(seed))

    assert len(chosen) == len(set(chosen)) == min(num, len(candidates))
    assert set(chosen) <= {candidate.trace_id for candidate in candidates}


def test_another_draw_is_another_choice() -> None:
    candidates = make_candidates(none=20, middle=20)

    assert choose_varied(candidates, 6, random.Random(1)) != choose_varied(candidates, 6, random.Random(2))


@pytest.mark.parametrize(
    ("labels", "stands", "finding"),
    [
        ((1, 0, 1), KINDS["none"], Finding.RIGHT),
        ((1, -1, None), KINDS["middle"], Finding.RIGHT),
        ((1, 1, 1), KINDS["middle"], Finding.MISSED),
        ((1, -1, None), KINDS["none"], Finding.INVENTED),
        ((-1, None, None), KINDS["middle"], Finding.TOO_EARLY),
        ((1, 1, -1), KINDS["middle"], Finding.TOO_LATE),
    ],
)
def test_an_answer_is_told_how_its_first_error_lies_to_golds(
    labels: tuple[int | None, ...], stands: tuple[bool, ...], finding: Finding
) -> None:
    assert compare_with_gold(labels, stands) == finding


@pytest.mark.parametrize(
    ("num_right", "num_shown", "pass_mark", "passed"),
    [
        (5, 6, 0.8, True),
        (4, 5, 0.8, True),
        (4, 6, 0.8, False),
        (7, 10, 0.7, True),
        (6, 10, 0.7, False),
        (0, 6, 0.0, True),
        (6, 6, 1.0, True),
        (0, 0, 0.0, False),
    ],
)
def test_a_test_is_passed_with_the_share_that_the_mark_asks_for(
    num_right: int, num_shown: int, pass_mark: float, passed: bool
) -> None:
    assert has_passed(num_right=num_right, num_shown=num_shown, pass_mark=pass_mark) is passed
