"""Where raters disagree: what each claims, the queue of open disagreements, and who holds one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import Account, Appeal, AppealState, Disagreement, Outcome, Project
from annotation.queries.statements import Statement
from annotation.rules.disagreement import BAD_PROBLEM, Claim, claim_of


@dataclass
class Claims:
    """What the raters of one trace claim, and when the last of them spoke."""

    claims: list[Claim]
    last_at: dt.datetime


_SAID = """SELECT trace_id, outcome, labels, submitted_at FROM annotation_rating
WHERE is_current AND outcome <> 'give_up'"""
_OF_ONE = Statement(f"{_SAID} AND trace_id = %s ORDER BY id")  # every rating asks this of its trace
_OF_MANY = Statement(f"{_SAID} AND trace_id = ANY(%s::bigint[]) ORDER BY trace_id, id")


def read_claims(trace_ids: Sequence[int]) -> dict[int, Claims]:
    """The claims of each of these traces that somebody rated or called a bad problem; a give-up claims nothing."""
    rows = _OF_ONE.fetch(trace_ids[0]) if len(trace_ids) == 1 else _OF_MANY.fetch(list(trace_ids))
    found: dict[int, Claims] = {}
    for trace_id, outcome, labels, submitted_at in rows:
        claim = BAD_PROBLEM if outcome == Outcome.BAD_PROBLEM else claim_of(labels)
        known = found.setdefault(trace_id, Claims([], submitted_at))
        known.claims.append(claim)
        known.last_at = max(known.last_at, submitted_at)
    return found


def list_disagreements(project: Project) -> QuerySet[Disagreement]:
    """All disagreements on the project's current traces, decided ones too, the most informative first; each with
    `has_open_appeal`."""
    rows = Disagreement.objects.filter(project=project, trace__retired_at__isnull=True)
    return annotate_appeals(rows).select_related("trace__prompt", "held_by").order_by("-bits", "trace")


def annotate_appeals(rows: QuerySet[Disagreement]) -> QuerySet[Disagreement]:
    appeals = Appeal.objects.filter(trace=OuterRef("trace"), state=AppealState.OPEN)
    return rows.annotate(has_open_appeal=Exists(appeals))


def list_free_disagreements(
    project: Project, adjudicator: Account, *, now: dt.datetime
) -> QuerySet[Disagreement]:
    """Open ones that nobody else holds, the most informative first."""
    is_free = Q(held_until__isnull=True) | Q(held_until__lte=now) | Q(held_by=adjudicator)
    rows = Disagreement.objects.filter(is_free, project=project, is_open=True, trace__retired_at__isnull=True)
    return rows.order_by("-bits", "trace")


def count_open_disagreements(project: Project) -> int:
    return Disagreement.objects.filter(project=project, is_open=True, trace__retired_at__isnull=True).count()


def list_appeals(project: Project) -> QuerySet[Appeal]:
    """All appeals, answered ones too, the oldest first."""
    rows = Appeal.objects.filter(trace__project=project)
    return rows.select_related("rater", "answered_by").order_by("filed_at", "pk")
