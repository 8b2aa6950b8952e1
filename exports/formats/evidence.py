"""`evidence`: one row a step with every rating, judge score, posterior and provenance. For people and audits.

Nulls mean "not said": no posterior, or a step that a judge did not score. No trainer reads it, and no policy filters
it: what a policy left out of the other configs is here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from exports.formats.dataset import FormName, Row
from exports.rows import JudgedTrace

_RATINGS = pa.list_(
    pa.struct(
        [
            ("rater", pa.string()),
            ("label", pa.int8()),
            ("is_assisted", pa.bool_()),
            ("error_category", pa.string()),
            ("rewrite", pa.string()),
        ]
    )
)
_SCORES = pa.list_(pa.struct([("judge", pa.string()), ("probability", pa.float64())]))


@dataclass(frozen=True, slots=True)
class RaterLabels:
    """One rater's labels of a trace: -1, 0, 1 or None, one a step; error categories and rewrites by step index."""

    rater: str
    labels: tuple[int | None, ...]
    is_assisted: bool
    error_categories: Mapping[int, str] = field(default_factory=dict)
    rewrites: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgeScores:
    """One judge's probabilities for a trace, one a step; None where it said nothing."""

    judge: str
    probabilities: tuple[float | None, ...]


def schema(form: FormName) -> pa.Schema:
    return pa.schema(
        [
            ("prompt_id", pa.string()),
            ("trace_id", pa.string()),
            ("step", pa.int32()),
            ("text", pa.string()),
            ("posterior", pa.float64()),
            ("provenance", pa.string()),
            ("is_first_error", pa.bool_()),
            ("ratings", _RATINGS),
            ("judge_scores", _SCORES),
            ("model", pa.string()),
        ]
    )


def make_rows(trace: JudgedTrace, ratings: Sequence[RaterLabels], scores: Sequence[JudgeScores]) -> list[Row]:
    """One row a step, in order."""
    return [
        {
            "prompt_id": str(trace.prompt_id),
            "trace_id": str(trace.trace_id),
            "step": index,
            "text": text,
            "posterior": trace.posterior[index] if trace.posterior else None,
            "provenance": trace.provenance,
            "is_first_error": None if trace.first_error is None else trace.first_error == index,
            "ratings": [
                {
                    "rater": row.rater,
                    "label": row.labels[index],
                    "is_assisted": row.is_assisted,
                    "error_category": row.error_categories.get(index),
                    "rewrite": row.rewrites.get(index),
                }
                for row in ratings
                if row.labels[index] is not None
            ],
            "judge_scores": [{"judge": row.judge, "probability": row.probabilities[index]} for row in scores],
            "model": trace.model,
        }
        for index, text in enumerate(trace.steps)
    ]
