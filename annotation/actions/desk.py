"""A rater's desk: the traces they hold in a project, and taking one more. The inside of `lease_next`.

In SQL, since every rating passes here. Each statement stands on locks that an earlier one got: see
annotation.actions.places.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from annotation.actions.draws import Draw
from annotation.models import Account, Assignment, Project, SelectedBy
from annotation.queries.assignments import find_leased
from annotation.queries.statements import Statement


@dataclass(frozen=True)
class Desk:
    """Ids of assignments: `current` lies on the desk; `running` is the one asked for, where it is leased already;
    `kept` is work the rater began, whose lease ran out, on a trace that still takes raters. Not `is_held` where a lease
    was given back while it was looked at."""

    current: int | None
    running: int | None
    kept: int | None
    is_held: bool


@dataclass(frozen=True)
class Asking:
    """Who asks for a trace of what. `is_ahead`: for the one after the current one; `shown`: an assignment that the
    rater's page shows already, which makes it the one after, if that is the current one."""

    project: Project
    rater: Account
    now: dt.datetime
    is_ahead: bool
    shown: int | None

    @property
    def expires_at(self) -> dt.datetime:
        return self.now + dt.timedelta(minutes=self.project.lease_minutes)

    def seeing(self, desk: Desk) -> Asking:
        """The same with `is_ahead` settled for this desk."""
        is_shown = self.shown is not None and self.shown == desk.current
        return replace(self, is_ahead=True) if is_shown else self


_LOCK = Statement("SELECT 1 FROM annotation_account WHERE id = %s FOR NO KEY UPDATE")
# What lies on the desk has its time started anew, up to the one asked for: it is the second where the page shows the
# first already.
_LOOK = Statement("""
WITH leased AS (
  SELECT a.id, row_number() OVER (ORDER BY a.is_ahead, a.leased_at, a.id) AS place
  FROM annotation_assignment a JOIN annotation_trace t ON t.id = a.trace_id
  WHERE a.rater_id = %(rater)s AND a.state = 'leased' AND t.project_id = %(project)s AND t.retired_at IS NULL
), wanted AS (
  SELECT id, place FROM leased WHERE place = 1 OR place = 2 AND (
    %(is_ahead)s::boolean OR EXISTS (SELECT 1 FROM leased WHERE place = 1 AND id = %(shown)s::bigint))
), prolonged AS (
  UPDATE annotation_assignment a SET expires_at = %(expires_at)s, is_ahead = (wanted.place = 2)
  FROM wanted WHERE a.id = wanted.id AND a.state = 'leased' RETURNING a.id
)
(SELECT wanted.id, wanted.place, EXISTS (SELECT 1 FROM prolonged WHERE prolonged.id = wanted.id) FROM wanted)
UNION ALL
(SELECT a.id, 0, true FROM annotation_assignment a JOIN annotation_trace t ON t.id = a.trace_id
  WHERE a.rater_id = %(rater)s AND a.state = 'returned' AND a.draft_revision > 0 AND t.project_id = %(project)s
    AND t.retired_at IS NULL
    AND (t.wants_ratings OR EXISTS (SELECT 1 FROM annotation_gold WHERE trace_id = t.id AND use = 'work'))
  ORDER BY a.draft_saved_at DESC, a.id DESC LIMIT 1)
""")
# Counts the places, takes one, and makes the trace's flag say whether there is another.
_TAKE = Statement("""
WITH places AS (
  SELECT t.retired_at IS NULL AS is_current, t.priority > 0 AS is_handed_out,
    EXISTS (SELECT 1 FROM annotation_gold WHERE trace_id = t.id) AS is_gold,
    EXISTS (SELECT 1 FROM annotation_decision WHERE trace_id = t.id) AS is_decided,
    project.overlap - (SELECT count(*) FROM annotation_assignment a
      WHERE a.trace_id = t.id AND a.state IN ('leased', 'submitted')) AS num_free
  FROM annotation_trace t JOIN annotation_project project ON project.id = t.project_id WHERE t.id = %(trace)s
), taken AS (
  INSERT INTO annotation_assignment AS pair (trace_id, rater_id, state, leased_at, expires_at, is_ahead, is_assisted,
    selected_by, selection_probability, skip_reason, draft, draft_revision)
  SELECT %(trace)s::bigint, %(rater)s::bigint, 'leased', %(now)s::timestamptz, %(expires_at)s::timestamptz,
    %(is_ahead)s::boolean, %(is_assisted)s::boolean, %(selected_by)s::varchar, %(probability)s::float8, '', '{}', 0
  FROM places WHERE is_current AND is_handed_out AND is_gold = %(as_gold)s::boolean
    AND (is_gold OR num_free > 0 AND NOT is_decided)
  ON CONFLICT (trace_id, rater_id) DO UPDATE
    SET state = 'leased', ended_at = NULL, expires_at = excluded.expires_at, is_ahead = excluded.is_ahead
    WHERE pair.state = 'returned'
  RETURNING id
), flag AS (
  SELECT is_current AND is_handed_out AND NOT is_gold AND NOT is_decided
    AND num_free > (SELECT count(*) FROM taken) AS wants FROM places
), flagged AS (
  UPDATE annotation_trace t SET wants_ratings = flag.wants FROM flag
  WHERE t.id = %(trace)s AND t.wants_ratings <> flag.wants
)
SELECT id FROM taken
""")


def look_at_desk(asking: Asking) -> Desk:
    """What the rater holds, its time started anew. Their account is locked first, until the transaction ends: one
    rater's requests wait for each other, so that two tabs get the same trace, and what looks then sees what was
    committed meanwhile."""
    rows = _LOOK.fetch(
        rater=asking.rater.pk,
        project=asking.project.pk,
        expires_at=asking.expires_at,
        is_ahead=asking.is_ahead,
        shown=asking.shown,
        after=[_LOCK.with_values(asking.rater.pk)],
    )
    at = {place: pk for pk, place, _ in rows}
    current = at.get(1)
    is_ahead = asking.is_ahead or (current is not None and asking.shown == current)
    return Desk(
        current=current,
        running=at.get(2 if is_ahead else 1),
        kept=at.get(0),
        is_held=all(is_held for _, _, is_held in rows),
    )


def take_place(draw: Draw, asking: Asking, *, is_assisted: bool) -> Assignment | None:
    """Leases a locked trace and returns the assignment, with all its page shows; None where it has no place for this
    rater.

    A row that this pair has from before is leased again as it was drawn then.
    """
    values = {
        "trace": draw.trace_id,
        "rater": asking.rater.pk,
        "now": asking.now,
        "expires_at": asking.expires_at,
        "is_ahead": asking.is_ahead,
        "is_assisted": is_assisted,
        "selected_by": draw.selected_by,
        "probability": draw.probability,
        "as_gold": draw.selected_by == SelectedBy.GOLD,
    }
    return find_leased(draw.trace_id, asking.rater, after=[_TAKE.with_values(**values)])
