"""The SQL of a draw, by what a project asks of it.

What a project asks is in the text and not among the values: so PostgreSQL keeps one plan for all values, where it
would otherwise plan each draw anew, at three times the cost of the draw (annotation/queries/statements.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from annotation.queries.statements import Statement

# How many open traces are counted one by one; above that their number is told from how close their keys lie,
# with a relative standard error of 1 / sqrt(NUM_COUNTED), 10 %.
NUM_COUNTED = 100


@dataclass(frozen=True)
class DrawStatements:
    """`at_random` and `by_need` look at the pool and lock one trace of it; `next_open` is a trace to wait for where
    others are at all of them; `list_gold` has the gold that the rater hasn't had."""

    at_random: Statement
    by_need: Statement
    next_open: Statement
    list_gold: Statement


# OFFSET 0 keeps these a question asked of each trace in the index's order, which ends with the trace that was looked
# for: PostgreSQL would else join, and where it expects few traces of a need read and sort all that there are. "+ 0"
# has it look among the few assignments of the trace, not among all that the rater ever had.
_NEVER_HAD = """NOT EXISTS (SELECT 1 FROM annotation_assignment had
    WHERE had.trace_id = t.id AND had.rater_id + 0 = %(rater)s AND had.state <> 'returned' OFFSET 0)"""
_NOT_OWN = """AND NOT EXISTS (SELECT 1 FROM annotation_prompt own
    WHERE own.id = t.prompt_id AND own.created_by_id = %(rater)s OFFSET 0)"""
_TAKE_ONE = "LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED"


@cache
def write_statements(*, forbids_own: bool, mixes_gold: bool) -> DrawStatements:
    """Values: project and rater; at random also key, in [0, 1)."""
    for_rater = f"{_NEVER_HAD} {_NOT_OWN if forbids_own else ''}"
    is_open = f"t.project_id = %(project)s AND t.wants_ratings AND {for_rater}"
    at_top = f"FROM annotation_trace t WHERE {is_open} AND t.priority = (SELECT priority FROM top)"
    gold = f"""
  FROM annotation_gold gold JOIN annotation_trace t ON t.id = gold.trace_id
  WHERE t.project_id = %(project)s AND gold.use = 'work' AND t.retired_at IS NULL AND t.priority > 0 AND {for_rater}
    AND NOT EXISTS (SELECT 1 FROM annotation_decision own
      WHERE own.trace_id = t.id AND own.adjudicator_id = %(rater)s)"""
    at_random = f"""at_or_after AS (
  SELECT t.id, t.need {at_top} AND t.queue_key >= %(key)s::float8 ORDER BY t.queue_key {_TAKE_ONE}
), wrapped_round AS (
  SELECT t.id, t.need {at_top} AND NOT EXISTS (SELECT 1 FROM at_or_after) ORDER BY t.queue_key {_TAKE_ONE}
), drawn AS (SELECT * FROM at_or_after UNION ALL SELECT * FROM wrapped_round)"""
    by_need = f"drawn AS (SELECT t.id, t.need {at_top} ORDER BY t.need DESC, t.queue_key {_TAKE_ONE})"
    has_gold = f"EXISTS (SELECT 1 {gold})" if mixes_gold else "false"
    return DrawStatements(
        at_random=Statement(_look(is_open, at_top, at_random, has_gold)),
        by_need=Statement(_look(is_open, at_top, by_need, has_gold)),
        next_open=Statement(f"""
SELECT t.id FROM annotation_trace t WHERE {is_open} ORDER BY t.priority DESC, t.queue_key LIMIT 1"""),
        list_gold=Statement(f"SELECT t.id {gold} ORDER BY t.id"),
    )


def _look(is_open: str, at_top: str, drawn: str, has_gold: str) -> str:
    """One row, as annotation.actions.draws.Found; none where nothing is open for the rater."""
    return f"""
WITH top AS (
  SELECT t.priority, t.need FROM annotation_trace t WHERE {is_open}
  ORDER BY t.priority DESC, t.need DESC, t.queue_key LIMIT 1
), pool AS (
  SELECT count(*) AS num, min(queue_key) AS first, max(queue_key) AS last
  FROM (SELECT t.queue_key {at_top} ORDER BY t.queue_key LIMIT {NUM_COUNTED}) AS keys
), neediest AS (
  SELECT count(*) AS num, min(queue_key) AS first, max(queue_key) AS last
  FROM (SELECT t.queue_key {at_top} AND t.need = (SELECT need FROM top)
    ORDER BY t.queue_key LIMIT {NUM_COUNTED}) AS keys
), {drawn}
SELECT top.need, pool.num, pool.first, pool.last, neediest.num, neediest.first, neediest.last, {has_gold},
  drawn.id, drawn.need
FROM top CROSS JOIN pool CROSS JOIN neediest LEFT JOIN drawn ON true"""
