"""How accurate raters are on gold, overall, lately and by week.

Only traces that were handed out as gold count. A trace that became gold because its raters disagreed would make some of
them look worse than they are. What "right" means stands in annotation.rules.gold_accuracy; `_IS_RIGHT` says it in SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    SmallIntegerField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, TruncWeek

from annotation.models import Account, Gold, Outcome, Project, Rating, SelectedBy
from annotation.rules.gold_accuracy import GoldAccuracy, gold_accuracy
from annotation.rules.rating import BAD


@dataclass(frozen=True)
class WeekAccuracy:
    """The accuracy on gold that was rated in the week that begins on `monday`, in UTC."""

    monday: dt.date
    accuracy: GoldAccuracy


def list_gold(project: Project) -> QuerySet[Gold]:
    """The project's gold on current traces, each with `num_seen`: how often it was rated after being handed out as
    gold."""
    seen = Count(
        "trace__ratings",
        filter=Q(trace__ratings__is_current=True, trace__ratings__assignment__selected_by=SelectedBy.GOLD),
    )
    gold = Gold.objects.filter(trace__project=project, trace__retired_at__isnull=True)
    return gold.annotate(num_seen=seen).select_related("trace__prompt")


def get_gold_accuracy(project: Project, rater: Account) -> GoldAccuracy:
    """One rater's accuracy on all gold they have rated in the project."""
    return _measure(_list_gold_ratings(project).filter(rater=rater))


def get_recent_gold_accuracy(
    project: Project, rater: Account, *, num_latest: int, since: dt.datetime | None = None
) -> GoldAccuracy:
    """The same over their latest `num_latest` gold traces, submitted after `since` where that is given."""
    ratings = _list_gold_ratings(project).filter(rater=rater)
    if since is not None:
        ratings = ratings.filter(submitted_at__gt=since)
    return _measure(ratings.order_by("-submitted_at", "-pk")[:num_latest])


def get_pooled_gold_accuracy(project: Project) -> GoldAccuracy:
    """The accuracy of all raters taken together."""
    return _measure(_list_gold_ratings(project))


def list_gold_accuracies(project: Project) -> dict[int, GoldAccuracy]:
    """{account id: accuracy} of every rater who has rated gold in the project."""
    groups = _list_gold_ratings(project).order_by().values("rater").annotate(**_COUNTS)
    return {rater: _of(counts) for rater, *counts in groups.values_list("rater", *_COUNTS)}


def list_gold_accuracy_by_week(project: Project, rater: Account | None = None) -> list[WeekAccuracy]:
    """The accuracy in each week in which gold was rated, the earliest first: one rater's, or everybody's pooled."""
    ratings = _list_gold_ratings(project)
    if rater is not None:
        ratings = ratings.filter(rater=rater)
    weeks = ratings.order_by().annotate(week=TruncWeek("submitted_at", tzinfo=dt.UTC)).values("week")
    counted = weeks.annotate(**_COUNTS).order_by("week").values_list("week", *_COUNTS)
    return [WeekAccuracy(monday=week.date(), accuracy=_of(counts)) for week, *counts in counted]


def _array_position(array: str, value: bool | int) -> Coalesce:
    """Where the value first stands in the array, counted from 1; 0 where it doesn't."""
    element = SmallIntegerField() if type(value) is int else BooleanField()
    found = Func(
        F(array), Cast(Value(value), element), function="array_position", output_field=IntegerField()
    )
    return Coalesce(found, 0)


# A bad problem has no labels, so its outcome is asked too.
_IS_RIGHT = Case(
    When(
        Q(outcome=Outcome.RATED, first_error=F("gold_first_error")),
        then=Value(True),
    ),
    default=Value(False),
    output_field=BooleanField(),
)


_COUNTS: dict[str, Any] = {"num_right": Count("pk", filter=Q(is_right=True)), "num_seen": Count("pk")}


def _list_gold_ratings(project: Project) -> QuerySet[Rating]:
    """Current ratings of traces that are gold and were handed out as such, each with `is_right`."""
    return (
        Rating.objects.current()
        .filter(trace__project=project, trace__gold__isnull=False, assignment__selected_by=SelectedBy.GOLD)
        .exclude(outcome=Outcome.GIVE_UP)
        .annotate(
            first_error=_array_position("labels", BAD),
            gold_first_error=_array_position("trace__gold__stands", False),
        )
        .annotate(is_right=_IS_RIGHT)
    )


def _measure(ratings: QuerySet[Rating]) -> GoldAccuracy:
    counts = ratings.aggregate(**_COUNTS)
    return _of([counts[name] for name in _COUNTS])


def _of(counts: Sequence[Any]) -> GoldAccuracy:
    num_right, num_seen = counts
    return gold_accuracy(num_right=num_right, num_seen=num_seen)
