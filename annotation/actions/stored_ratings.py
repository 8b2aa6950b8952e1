"""Inserting a rating by a prepared statement: Django would write the same SQL anew for each."""

from __future__ import annotations

import json

from annotation.models import Rating
from annotation.queries.statements import Statement

_INSERT = Statement("""
INSERT INTO annotation_rating (trace_id, rater_id, assignment_id, revision, is_current, outcome, labels, reason, notes,
  error_categories, rewrites, is_reference_wrong, is_assisted, active_seconds, submitted_at, idempotency_key)
VALUES (%(trace_id)s, %(rater_id)s, %(assignment_id)s, %(revision)s, %(is_current)s, %(outcome)s,
  %(labels)s::smallint[], %(reason)s, %(notes)s, %(error_categories)s, %(rewrites)s, %(is_reference_wrong)s,
  %(is_assisted)s, %(active_seconds)s, %(submitted_at)s, %(idempotency_key)s)
RETURNING id
""")
_JSON = ("notes", "error_categories", "rewrites")


def insert_rating(rating: Rating) -> Rating:
    """Stores a rating that is not stored yet, and returns it with its id."""
    values = {name: value for name, value in vars(rating).items() if name not in ("_state", "id")}
    values |= {name: json.dumps(values[name]) for name in _JSON}
    rating.pk = _INSERT.fetch(**values)[0][0]
    rating._state.adding, rating._state.db = False, "default"
    return rating
