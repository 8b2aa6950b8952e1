"""Storing a rating by one prepared statement: Django would write its SQL anew for each, and send two."""

from __future__ import annotations

import json
from dataclasses import dataclass

from annotation.models import Rating
from annotation.queries.statements import Statement

_STORE = Statement("""
WITH stored AS (
  INSERT INTO annotation_rating (trace_id, rater_id, assignment_id, revision, is_current, outcome, labels, reason,
    notes, error_categories, rewrites, is_reference_wrong, is_assisted, active_seconds, submitted_at, idempotency_key)
  VALUES (%(trace_id)s, %(rater_id)s, %(assignment_id)s, %(revision)s, %(is_current)s, %(outcome)s,
    %(labels)s::smallint[], %(reason)s, %(notes)s, %(error_categories)s, %(rewrites)s, %(is_reference_wrong)s,
    %(is_assisted)s, %(active_seconds)s, %(submitted_at)s, %(idempotency_key)s)
  ON CONFLICT (idempotency_key) DO NOTHING RETURNING id
), closed AS (
  UPDATE annotation_assignment SET state = 'submitted', ended_at = %(submitted_at)s, is_ahead = false, draft = '{}'
  WHERE id = %(assignment_id)s AND %(revision)s = 1 AND EXISTS (SELECT 1 FROM stored)
)
SELECT id, EXISTS (SELECT 1 FROM annotation_rating WHERE trace_id = %(trace_id)s AND is_current),
  EXISTS (SELECT 1 FROM annotation_disagreement WHERE trace_id = %(trace_id)s) FROM stored
""")
_JSON = ("notes", "error_categories", "rewrites")


@dataclass(frozen=True)
class StoredRating:
    """`has_company`: somebody had rated the trace before; `is_listed`: among the disagreements, so far. Call it with
    the trace locked."""

    rating: Rating
    has_company: bool
    is_listed: bool


def store_rating(rating: Rating) -> StoredRating | None:
    """Stores a new rating and, with its first revision, submits the assignment; None where its key is another's."""
    values = {name: value for name, value in vars(rating).items() if name not in ("_state", "id")}
    values |= {name: json.dumps(values[name]) for name in _JSON}
    rows = _STORE.fetch(**values)
    if not rows:
        return None
    rating.pk, has_company, is_listed = rows[0]
    rating._state.adding = False
    return StoredRating(rating, has_company, is_listed)
