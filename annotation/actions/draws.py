"""Drawing the trace that a rater gets next: at random, by need, or as gold; it is locked until the transaction ends.

Written in SQL: on the path of every rating one statement looks at the pool and takes from it, at a cost that does not
grow with the project. It reads the two partial indexes over open traces (`trace_open_random`, `trace_open_need`) and
stops after a bounded number of entries. How likely each trace is to be drawn, and why: docs/adr/assignment-leases.md.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from annotation.actions.draw_statements import NUM_COUNTED, write_statements
from annotation.models import Account, Project, SelectedBy
from annotation.queries.statements import Statement
from annotation.rules.selection import RANDOM_SHARE, selection_probability


class AllTaken(Exception):
    """Others are at every trace that is open, this very moment; `trace_id` is one to wait for.

    Whoever catches it ends the transaction first. The draw may hold a trace that it did not get, since a row is locked
    before it is looked at again; waiting with that in hand could deadlock.
    """

    def __init__(self, trace_id: int) -> None:
        super().__init__(f"Somebody is at trace {trace_id}, and at all the others.")
        self.trace_id = trace_id


@dataclass(frozen=True)
class Draw:
    """`probability`: with which this trace was drawn, given who asked and when."""

    trace_id: int
    selected_by: SelectedBy
    probability: float


def draw_trace(*, project: Project, rater: Account, source: random.Random) -> Draw | None:
    """One trace that this rater has neither got, nor rated, nor skipped; None where the queue has none for them.

    Of the open traces those of the highest priority are drawn from. Gold comes in at the project's share while there is
    some that the rater has neither had nor decided, and never alone: who has nothing left to rate gets no gold either.
    Raises AllTaken.
    """
    sql = write_statements(forbids_own=project.forbids_own_prompts, mixes_gold=project.gold_share > 0.0)
    values: dict[str, Any] = {"project": project.pk, "rater": rater.pk}
    is_random = source.random() < RANDOM_SHARE
    rows = sql.at_random.fetch(**values, key=source.random()) if is_random else sql.by_need.fetch(**values)
    if not rows:
        return None
    found = Found(*rows[0])
    gold_share = project.gold_share if found.has_gold else 0.0
    if gold_share > 0.0 and source.random() < gold_share:
        gold = _draw_gold(sql.list_gold.fetch(**values), source, share=gold_share)
        if gold is not None:
            return gold
    if found.trace_id is None:
        still_open = sql.next_open.fetch(**values)
        if not still_open:
            return None
        raise AllTaken(still_open[0][0])
    return Draw(
        trace_id=found.trace_id,
        selected_by=SelectedBy.RANDOM if is_random else SelectedBy.NEED,
        probability=(1.0 - gold_share) * _probability(found, found.need),
    )


class Found(NamedTuple):
    """What is open for the rater at the highest priority, and which trace of it was drawn; none where every one is
    being handed out this moment. Keys are counted up to NUM_COUNTED, from the lowest."""

    top_need: float
    num: int
    first_key: float
    last_key: float
    num_neediest: int
    first_neediest: float
    last_neediest: float
    has_gold: bool
    trace_id: int | None
    need: float


_LOCK_GOLD = Statement("""
SELECT t.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted(id, place) JOIN annotation_trace t ON t.id = wanted.id
ORDER BY wanted.place LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED
""")


def _draw_gold(rows: Sequence[tuple[int]], source: random.Random, *, share: float) -> Draw | None:
    """Any gold trace that the rater hasn't had, each as likely as the other; None where others are at all of them.

    It waits for none: a trace of the queue is locked by now, and whoever locks many traces does so in their ids' order.
    """
    ids = [row[0] for row in rows]
    first = int(source.random() * len(ids))
    locked = _LOCK_GOLD.fetch(ids[first:] + ids[:first]) if ids else []
    if not locked:
        return None
    return Draw(trace_id=locked[0][0], selected_by=SelectedBy.GOLD, probability=share / len(ids))


def _probability(found: Found, need: float) -> float:
    """With which a draw from the queue selects a trace of this need: uniform over the pool in one arm, over the
    neediest in the other. Keys are drawn once, uniformly and apart from any content, so "the first key at or after a
    random one" and "the lowest key among equals" are uniform choices."""
    num = max(1, _estimate(found.num, found.first_key, found.last_key))
    num_neediest = max(1, _estimate(found.num_neediest, found.first_neediest, found.last_neediest))
    return min(
        1.0,
        selection_probability(
            need=1.0 if need >= found.top_need else 0.0,
            total_need=float(num_neediest),
            num_candidates=max(num, num_neediest),
        ),
    )


def _estimate(num: int, first_key: float | None, last_key: float | None) -> int:
    """Exact below NUM_COUNTED; above it, k keys drawn uniformly from [0, 1) that span s stand for (k-1)/s traces."""
    span = (last_key or 0.0) - (first_key or 0.0)
    if num < NUM_COUNTED or span <= 0.0:
        return num
    return max(NUM_COUNTED, round((NUM_COUNTED - 1) / span))
