"""Drawing the trace that a rater gets next: at random, by need, or as gold; it is locked until the transaction ends.

Written in SQL: on the path of every rating one statement looks at the pool and takes from it, at a cost that does not
grow with the project. It reads the two partial indexes over open traces (`trace_open_random`, `trace_open_need`) and
stops after a bounded number of entries. How likely each trace is to be drawn, and why: docs/adr/assignment-leases.md.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, NamedTuple

from annotation.models import Account, Project, SelectedBy
from annotation.queries.statements import Statement
from annotation.rules.selection import RANDOM_SHARE, selection_probability

# How many open traces are counted one by one; above that their number is told from how close their keys lie,
# with a relative standard error of 1 / sqrt(NUM_COUNTED), 10 %.
NUM_COUNTED = 100


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
    is_random = source.random() < RANDOM_SHARE
    key = source.random() if is_random else 0.0
    values: dict[str, Any] = {
        "project": project.pk,
        "rater": rater.pk,
        "forbids_own": project.forbids_own_prompts,
        "is_random": is_random,
        "key": key,
        "num_counted": NUM_COUNTED,
        "mixes_gold": project.gold_share > 0.0,
    }
    found = _look(values)
    if found is None:
        return None
    gold_share = project.gold_share if found.has_gold else 0.0
    if gold_share > 0.0 and source.random() < gold_share:
        gold = _draw_gold(values, source, share=gold_share)
        if gold is not None:
            return gold
    if found.trace_id is None:
        rows = _NEXT_OPEN.fetch(**values)
        if not rows:
            return None
        raise AllTaken(rows[0][0])
    return Draw(
        trace_id=found.trace_id,
        selected_by=SelectedBy.RANDOM if is_random else SelectedBy.NEED,
        probability=(1.0 - gold_share) * _probability(found, found.need),
    )


class _Found(NamedTuple):
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


_FOR_RATER = """
  NOT EXISTS (SELECT 1 FROM annotation_assignment had
    WHERE had.trace_id = t.id AND had.rater_id = %(rater)s AND had.state <> 'returned')
  AND (NOT %(forbids_own)s::boolean OR NOT EXISTS (SELECT 1 FROM annotation_prompt own
    WHERE own.id = t.prompt_id AND own.created_by_id = %(rater)s))
"""
_OPEN = f"t.project_id = %(project)s AND t.wants_ratings AND {_FOR_RATER}"
_GOLD = f"""
  FROM annotation_gold gold JOIN annotation_trace t ON t.id = gold.trace_id
  WHERE t.project_id = %(project)s AND gold.use = 'work' AND t.retired_at IS NULL AND t.priority > 0 AND {_FOR_RATER}
    AND NOT EXISTS (SELECT 1 FROM annotation_decision own
      WHERE own.trace_id = t.id AND own.adjudicator_id = %(rater)s)
"""
_AT_TOP = f"FROM annotation_trace t WHERE {_OPEN} AND t.priority = (SELECT priority FROM top)"
_TAKE_ONE = "LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED"
_LOOK = Statement(f"""
WITH top AS (
  SELECT t.priority, t.need FROM annotation_trace t WHERE {_OPEN}
  ORDER BY t.priority DESC, t.need DESC, t.queue_key LIMIT 1
), pool AS (
  SELECT count(*) AS num, min(queue_key) AS first, max(queue_key) AS last
  FROM (SELECT t.queue_key {_AT_TOP} ORDER BY t.queue_key LIMIT %(num_counted)s) AS keys
), neediest AS (
  SELECT count(*) AS num, min(queue_key) AS first, max(queue_key) AS last
  FROM (SELECT t.queue_key {_AT_TOP} AND t.need = (SELECT need FROM top)
    ORDER BY t.queue_key LIMIT %(num_counted)s) AS keys
), at_or_after AS (
  SELECT t.id, t.need {_AT_TOP} AND %(is_random)s::boolean AND t.queue_key >= %(key)s::float8
  ORDER BY t.queue_key {_TAKE_ONE}
), wrapped_round AS (
  SELECT t.id, t.need {_AT_TOP} AND %(is_random)s::boolean AND NOT EXISTS (SELECT 1 FROM at_or_after)
  ORDER BY t.queue_key {_TAKE_ONE}
), by_need AS (
  SELECT t.id, t.need {_AT_TOP} AND NOT %(is_random)s::boolean ORDER BY t.need DESC, t.queue_key {_TAKE_ONE}
), drawn AS (
  SELECT * FROM at_or_after UNION ALL SELECT * FROM wrapped_round UNION ALL SELECT * FROM by_need
)
SELECT top.need, pool.num, pool.first, pool.last, neediest.num, neediest.first, neediest.last,
  %(mixes_gold)s::boolean AND EXISTS (SELECT 1 {_GOLD}), drawn.id, drawn.need
FROM top CROSS JOIN pool CROSS JOIN neediest LEFT JOIN drawn ON true
""")
_NEXT_OPEN = Statement(f"""
SELECT t.id FROM annotation_trace t WHERE {_OPEN} ORDER BY t.priority DESC, t.queue_key LIMIT 1
""")
_LOCK_GOLD = Statement("""
SELECT t.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted(id, place) JOIN annotation_trace t ON t.id = wanted.id
ORDER BY wanted.place LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED
""")
_LIST_GOLD = Statement(f"SELECT t.id {_GOLD} ORDER BY t.id")


def _look(values: dict[str, Any]) -> _Found | None:
    rows = _LOOK.fetch(**values)
    return _Found(*rows[0]) if rows else None


def _draw_gold(values: dict[str, Any], source: random.Random, *, share: float) -> Draw | None:
    """Any gold trace that the rater hasn't had, each as likely as the other; None where others are at all of them.

    It waits for none: a trace of the queue is locked by now, and whoever locks many traces does so in their ids' order.
    """
    ids = [row[0] for row in _LIST_GOLD.fetch(**values)]
    first = int(source.random() * len(ids))
    rows = _LOCK_GOLD.fetch(ids[first:] + ids[:first]) if ids else []
    if not rows:
        return None
    return Draw(trace_id=rows[0][0], selected_by=SelectedBy.GOLD, probability=share / len(ids))


def _probability(found: _Found, need: float) -> float:
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
