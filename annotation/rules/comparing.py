"""How two traces of one prompt lie side by side: which steps they share, and which pairs tell most."""

from __future__ import annotations

from collections.abc import Sequence


def count_shared_steps(steps_a: Sequence[str], steps_b: Sequence[str]) -> int:
    """How many steps both begin with; white space at a step's ends does not count as a difference."""
    shared = 0
    for a, b in zip(steps_a, steps_b, strict=False):
        if a.strip() != b.strip():
            break
        shared += 1
    return shared


def pair_interest(
    *, answers: tuple[str | None, str | None], trace_scores: tuple[float | None, float | None]
) -> float:
    """How much a comparison of two traces would tell, 0 to 2: 1 where their final answers differ, plus the
    difference of their judges' mean scores (each 0 to 1), where both have one."""
    answer_a, answer_b = answers
    score_a, score_b = trace_scores
    differs = answer_a is not None and answer_b is not None and answer_a.strip() != answer_b.strip()
    gap = abs(score_a - score_b) if score_a is not None and score_b is not None else 0.0
    return float(differs) + gap
