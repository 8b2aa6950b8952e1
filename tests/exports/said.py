"""What was said of a trace, a rater and a judge at a time, for tests; and the columns of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pyarrow as pa

from exports.formats.evidence import Evidence, Ratings, Scores
from exports.rows import JudgedTrace
from tests.exports.candidates import as_columns as as_table


@dataclass(frozen=True)
class RaterLabels:
    """One rater's labels of a trace, one a step; error categories and rewrites by step index."""

    rater: str
    labels: tuple[int | None, ...]
    is_assisted: bool
    error_categories: Mapping[int, str] = field(default_factory=dict)
    rewrites: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgeScores:
    """One judge's probabilities for a trace, one a step."""

    judge: str
    probabilities: tuple[float | None, ...]


@dataclass(frozen=True)
class TraceEvidence:
    """A trace with everything that was said of it."""

    trace: JudgedTrace
    ratings: tuple[RaterLabels, ...]
    scores: tuple[JudgeScores, ...]
    decided: tuple[int | None, ...] = ()


def as_columns(found: Sequence[TraceEvidence]) -> Evidence:
    rated = [(row.trace.trace_id, said) for row in found for said in row.ratings]
    scored = [(row.trace.trace_id, said) for row in found for said in row.scores]
    return Evidence(
        traces=as_table([row.trace for row in found]),
        ratings=Ratings(
            traces=[trace for trace, _ in rated],
            raters=pa.array([said.rater for _, said in rated], pa.string()),
            are_assisted=pa.array([said.is_assisted for _, said in rated], pa.bool_()),
            num_labels=np.array([len(said.labels) for _, said in rated], np.int64),
            labels=pa.array(list(chain.from_iterable(said.labels for _, said in rated)), pa.int8()),
            error_categories={place: said.error_categories for place, (_, said) in enumerate(rated)},
            rewrites={place: said.rewrites for place, (_, said) in enumerate(rated) if said.rewrites},
        ),
        scores=Scores(
            traces=[trace for trace, _ in scored],
            judges=pa.array([said.judge for _, said in scored], pa.string()),
            num_probabilities=np.array([len(said.probabilities) for _, said in scored], np.int64),
            probabilities=pa.array(
                list(chain.from_iterable(said.probabilities for _, said in scored)), pa.float64()
            ),
        ),
        decided={row.trace.trace_id: row.decided for row in found if row.decided},
    )
