"""What is known of each rater of a project: how much, how fast and how well they rate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from annotation.models import Account, Membership, Project, QualificationAttempt, Role
from annotation.queries.gold import list_gold_accuracies
from annotation.queries.merges import find_latest_merge
from annotation.rules.gold_accuracy import GoldAccuracy, gold_accuracy

_UNSEEN = gold_accuracy(num_right=0, num_seen=0)


@dataclass(frozen=True)
class Reliability:
    """What the last merge makes of a rater, with 95 % intervals: P(bad | an error), P(not bad | the step stands)."""

    sensitivity: float
    sensitivity_interval: tuple[float, float]
    specificity: float
    specificity_interval: tuple[float, float]


@dataclass(frozen=True)
class Work:
    """How much a rater has done. Times are active seconds: gaps of more than a minute are left out of them."""

    num_ratings: int = 0
    active_seconds: float = 0.0
    median_seconds: float | None = None
    last_at: dt.datetime | None = None


@dataclass(frozen=True)
class RaterFacts:
    """One rater. `qualification` is the attempt that counts: the one passed, else the latest; None without any."""

    membership: Membership
    work: Work
    gold: GoldAccuracy
    reliability: Reliability | None
    qualification: QualificationAttempt | None

    @property
    def account(self) -> Account:
        return self.membership.account


def list_rater_facts(project: Project) -> list[RaterFacts]:
    """Everyone who has a rater's role in the project, paused or not, by user name."""
    memberships = Membership.objects.filter(project=project, role=Role.RATER).select_related("account")
    work, gold = _measure_work(project), list_gold_accuracies(project)
    reliabilities, attempts = read_reliabilities(project), _list_attempts(project)
    return [
        RaterFacts(
            membership=membership,
            work=work.get(membership.account_id, Work()),
            gold=gold.get(membership.account_id, _UNSEEN),
            reliability=reliabilities.get(membership.account_id),
            qualification=attempts.get(membership.account_id),
        )
        for membership in memberships.order_by("account__username")
    ]


def read_reliabilities(project: Project) -> dict[int, Reliability]:
    """{account id: reliability} from the last finished merge; empty without one."""
    run = find_latest_merge(project)
    people: Mapping[str, Any] = (run.diagnostics.get("people") or {}) if run else {}
    return {
        int(row["rater"]): Reliability(
            sensitivity=row["sensitivity"],
            sensitivity_interval=tuple(row["sensitivity_interval"]),
            specificity=row["specificity"],
            specificity_interval=tuple(row["specificity_interval"]),
        )
        for row in people.get("raters", [])
    }


def _measure_work(project: Project) -> dict[int, Work]:
    """Current ratings of every rater in one pass; the median is of the active seconds a trace."""
    sql = """
        SELECT rating.rater_id, count(*), sum(active_seconds),
               percentile_cont(0.5) WITHIN GROUP (ORDER BY active_seconds) FILTER (WHERE active_seconds > 0),
               max(submitted_at)
        FROM annotation_rating AS rating JOIN annotation_trace AS trace ON trace.id = rating.trace_id
        WHERE trace.project_id = %s AND rating.is_current GROUP BY rating.rater_id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [project.pk])
        return {rater: Work(*numbers) for rater, *numbers in cursor.fetchall()}


def _list_attempts(project: Project) -> dict[int, QualificationAttempt]:
    found: dict[int, QualificationAttempt] = {}
    for attempt in QualificationAttempt.objects.filter(project=project).order_by("pk"):
        known = found.get(attempt.rater_id)
        if known is None or not known.has_passed:
            found[attempt.rater_id] = attempt
    return found
