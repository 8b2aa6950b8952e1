"""How many traces of a project are how far, and how fast they are rated: all in one pass over traces and ratings.

In SQL, since a page waits for it: one aggregate over the ratings, joined once, takes a tenth of what a subquery for
each trace does. It still looks at every trace and rating of the project: 0.2 s for 100,000 traces.

Of gold, only ratings count that were given while it still waited in the queue: what is mixed in brings no project
nearer to its end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from annotation.models import JobState, MergeRun, Priority, Project
from annotation.rules.pace import WINDOW_DAYS


@dataclass(frozen=True)
class TraceCounts:
    """Numbers of current traces, except: num_missing, the ratings that open traces still want; num_unreachable, those
    of them that nobody is left to give, since all who may rate have rated or skipped the trace; num_recent, the ratings
    of such traces that people gave within the window of the pace; first_at, when a person first rated.

    num_rated_by_programs: of the rated, simulated raters alone. num_open: in the queue. num_whole: they need no more
    raters. num_unmerged: rated since the last merge began.
    """

    num_traces: int
    num_open: int
    num_held: int
    num_judged: int
    num_rated: int
    num_rated_by_programs: int
    num_whole: int
    num_decided: int
    num_gold: int
    num_unmerged: int
    num_missing: int
    num_unreachable: int
    num_recent: int
    first_at: dt.datetime | None


_COUNT = """
WITH said AS (
  SELECT r.trace_id, count(*) FILTER (WHERE r.is_current) AS num_raters, bool_and(rater.is_simulated) AS by_programs,
    count(*) FILTER (WHERE r.is_current AND r.rater_id = ANY(%(able)s::bigint[])) AS num_had,
    max(r.submitted_at) AS last_at,
    min(r.submitted_at) FILTER (WHERE r.revision = 1 AND NOT rater.is_simulated) AS first_at,
    count(*) FILTER (WHERE r.revision = 1 AND NOT rater.is_simulated AND r.submitted_at > %(recent)s) AS num_recent
  FROM annotation_rating r JOIN annotation_account rater ON rater.id = r.rater_id
    JOIN annotation_trace t ON t.id = r.trace_id
  WHERE t.project_id = %(project)s GROUP BY r.trace_id
), skipped AS (
  SELECT trace_id, count(*) AS num FROM annotation_assignment
  WHERE rater_id = ANY(%(able)s::bigint[]) AND state = 'skipped' GROUP BY trace_id
), described AS (
  SELECT t.retired_at IS NULL AS is_current, t.wants_ratings, t.priority = %(held)s AS is_held,
    coalesce(said.num_raters, 0) AS num_raters, said.trace_id IS NOT NULL AS is_rated, said.by_programs, said.last_at,
    said.first_at, coalesce(said.num_recent, 0) AS num_recent, gold.id IS NOT NULL AS is_gold,
    decision.id IS NOT NULL AS is_decided,
    greatest(%(num_able)s - coalesce(said.num_had, 0) - coalesce(skipped.num, 0), 0) AS num_left
  FROM annotation_trace t LEFT JOIN said ON said.trace_id = t.id
    LEFT JOIN skipped ON skipped.trace_id = t.id
    LEFT JOIN annotation_gold gold ON gold.trace_id = t.id
    LEFT JOIN annotation_decision decision ON decision.trace_id = t.id AND decision.is_current
  WHERE t.project_id = %(project)s
)
SELECT count(*) FILTER (WHERE is_current), count(*) FILTER (WHERE is_current AND wants_ratings),
  count(*) FILTER (WHERE is_current AND is_held AND NOT is_gold),
  (SELECT count(*) FROM annotation_trace t WHERE t.project_id = %(project)s AND t.retired_at IS NULL
    AND EXISTS (SELECT 1 FROM annotation_judgescore score WHERE score.trace_id = t.id)),
  count(*) FILTER (WHERE is_current AND is_rated), count(*) FILTER (WHERE is_current AND by_programs),
  count(*) FILTER (WHERE is_current AND (is_decided OR is_gold OR num_raters >= %(overlap)s)),
  count(*) FILTER (WHERE is_current AND is_decided), count(*) FILTER (WHERE is_current AND is_gold),
  count(*) FILTER (WHERE is_current AND last_at > coalesce(%(merged)s, '-infinity'::timestamptz)),
  coalesce(sum(greatest(%(overlap)s - num_raters, 0))
    FILTER (WHERE is_current AND NOT (is_gold OR is_decided OR is_held)), 0)::int,
  coalesce(sum(greatest(%(overlap)s - num_raters - num_left, 0))
    FILTER (WHERE is_current AND NOT (is_gold OR is_decided OR is_held)), 0)::int,
  (coalesce(sum(num_recent) FILTER (WHERE is_current AND NOT is_gold), 0) + (
    SELECT count(*) FROM annotation_gold gold JOIN annotation_trace t ON t.id = gold.trace_id
      JOIN annotation_rating r ON r.trace_id = t.id JOIN annotation_assignment a ON a.id = r.assignment_id
      JOIN annotation_account rater ON rater.id = r.rater_id
    WHERE t.project_id = %(project)s AND t.retired_at IS NULL AND a.selected_by <> 'gold'
      AND r.revision = 1 AND NOT rater.is_simulated AND r.submitted_at > %(recent)s))::int,
  min(first_at)
FROM described
"""


def count_traces(project: Project, *, now: dt.datetime, able: Sequence[int] = ()) -> TraceCounts:
    """`able`: the ids of those who may be handed work (annotation.queries.crew)."""
    merged_at = (
        MergeRun._default_manager.filter(project=project, state=JobState.FINISHED)
        .order_by("-queued_at")
        .values_list("started_at", flat=True)
        .first()
    )
    values = {
        "project": project.pk,
        "overlap": project.overlap,
        "held": int(Priority.HELD),
        "merged": merged_at,
        "recent": now - dt.timedelta(days=WINDOW_DAYS),
        "able": list(able),
        "num_able": len(able),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        return TraceCounts(*cursor.fetchone())
