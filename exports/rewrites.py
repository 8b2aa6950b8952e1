"""Steps that raters rewrote, as pairs: what they picked or wrote in place of the first error, and what the model wrote.

A rewrite counts where its rater's revision, as it stood when the merge started, has it at the first step rated bad.
Both sides of such a pair are one trace: up to the fork it is the model's, and behind it the chosen side is the rater's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from annotation.models import MergeRun, Outcome
from annotation.queries.merges import list_ratings_as_of
from annotation.rules.rating import first_error
from exports.queries import load_traces
from exports.rows import JudgedPair, JudgedTrace

_AT_ONCE = 500
_MOST_MARGIN = 3.0  # as for preferences
_CLIP = 0.01


def stream_rewrites(run: MergeRun) -> Iterator[JudgedPair]:
    """A pair for each rewrite of a first error, by trace and rater; the same text for the same step only once."""
    ratings = list_ratings_as_of(run.project, at=run.started_at or run.queued_at)
    rewritten = ratings.filter(outcome=Outcome.RATED, rater__is_simulated=False).exclude(rewrites={})
    rows = rewritten.order_by("trace_id", "rater_id").values_list("trace_id", "labels", "rewrites")
    waiting: list[tuple[int, int, str]] = []
    for trace_id, labels, rewrites in rows.iterator(chunk_size=_AT_ONCE):
        error = first_error(labels)
        if error is not None and str(error) in rewrites:
            waiting.append((trace_id, error, rewrites[str(error)]))
        if len(waiting) >= _AT_ONCE:
            yield from _pair_all(run, waiting)
            waiting = []
    yield from _pair_all(run, waiting)


def pair_rewrite(trace: JudgedTrace, step_index: int, rewrite: str) -> JudgedPair | None:
    """The pair of a step and its rewrite; None where both say the same, or the rewrite says nothing.

    The rewrite ends in the white space that the model's own step ended in. Its margin is how sure the merge is that the
    model's step does not stand: logit(0.5) - logit(P(step stands)), clipped to 0 … 3. Of the rewrite only its rater's
    word is known.
    """
    steps = trace.steps
    own = steps[step_index]
    chosen = rewrite.strip() + own[len(own.rstrip()) :]
    if not rewrite.strip() or chosen.strip() == own.strip() or not trace.posterior:
        return None
    prefix = "".join(steps[:step_index])
    whole = prefix + chosen
    better = dataclasses.replace(
        trace,
        completion=whole,
        step_ends=(*trace.step_ends[:step_index], len(whole)),
        posterior=(*trace.posterior[:step_index], 1.0),
        p_trace=1.0,
        first_error=-1,
    )
    p = min(max(trace.posterior[step_index], _CLIP), 1.0 - _CLIP)
    margin = min(max(-math.log(p / (1.0 - p)), 0.0), _MOST_MARGIN)
    return JudgedPair(
        chosen=better, rejected=trace, probability=1.0, margin=margin, provenance=trace.provenance
    )


def _pair_all(run: MergeRun, rewrites: list[tuple[int, int, str]]) -> Iterator[JudgedPair]:
    traces = load_traces(run, {trace_id for trace_id, _, _ in rewrites})
    seen: set[tuple[int, int, str]] = set()
    for trace_id, step_index, text in rewrites:
        key = (trace_id, step_index, text.strip())
        pair = (
            pair_rewrite(traces[trace_id], step_index, text)
            if trace_id in traces and key not in seen
            else None
        )
        seen.add(key)
        if pair is not None:
            yield pair
