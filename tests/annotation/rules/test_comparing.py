"""Two traces side by side: shared steps, and which pair tells most."""

from __future__ import annotations

import pytest

from annotation.rules.comparing import count_shared_steps, pair_interest


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        (["x", "y"], ["x", "z"], 1),
        (["x", "y"], ["x", "y"], 2),
        (["x\n", "y"], ["x", "y\n\n"], 2),
        (["x"], ["x", "y"], 1),
        (["x"], ["y"], 0),
        (["a", "same"], ["b", "same"], 0),
        ([], ["x"], 0),
    ],
)
def test_shared_steps_are_counted_from_the_start(a: list[str], b: list[str], shared: int) -> None:
    assert count_shared_steps(a, b) == count_shared_steps(b, a) == shared


@pytest.mark.parametrize(
    ("answers", "scores", "interest"),
    [
        (("7", "8"), (None, None), 1.0),
        (("7", " 7 "), (None, None), 0.0),
        (("7", None), (None, None), 0.0),
        (("7", "7"), (0.9, 0.4), 0.5),
        (("7", "8"), (0.9, 0.4), 1.5),
        (("7", "7"), (0.9, None), 0.0),
    ],
)
def test_pairs_that_differ_tell_more(
    answers: tuple[str | None, str | None], scores: tuple[float | None, float | None], interest: float
) -> None:
    assert pair_interest(answers=answers, trace_scores=scores) == pytest.approx(interest)
