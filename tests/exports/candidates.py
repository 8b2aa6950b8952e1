"""Makes judged traces and pairs for tests, without a database."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from exports.rows import JudgedPair, JudgedTrace

STEPS = ("One.\n", "Two.\n", "Three.")


def make_trace(
    posterior: Sequence[float] = (0.99, 0.97, 0.95), steps: Sequence[str] = STEPS, **fields: Any
) -> JudgedTrace:
    """A trace with these steps and posteriors, rated by two people."""
    defaults: dict[str, Any] = {
        "trace_id": 1,
        "prompt_id": 10,
        "prompt": "What is it?",
        "completion": "".join(steps),
        "step_ends": tuple(itertools.accumulate(len(step) for step in steps)),
        "model": "tiny",
        "segmenter": "lines@1",
        "posterior": tuple(posterior),
        "p_trace": posterior[-1] if posterior else None,
        "first_error": -1 if posterior else None,
        "provenance": "human",
        "num_blind_raters": 2,
    }
    return JudgedTrace(**{**defaults, **fields})


def make_pair(
    chosen: JudgedTrace | None = None, rejected: JudgedTrace | None = None, **fields: Any
) -> JudgedPair:
    """A right trace over one whose second step is wrong."""
    wrong = ("One.\n", "Too.\n", "Free.")
    defaults: dict[str, Any] = {
        "chosen": chosen or make_trace(),
        "rejected": rejected or make_trace((0.99, 0.05, 0.05), wrong, trace_id=2),
        "probability": 0.97,
        "margin": 2.5,
        "provenance": "human",
    }
    return JudgedPair(**{**defaults, **fields})
