"""Which traces still want raters, when a project's overlap or its prompts' priorities change."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from annotation.models import Assignment, Decision, Gold, Priority, Project, Trace


def refresh_wants_ratings(project: Project) -> int:
    """Sets `wants_ratings` of all of a project's traces: fewer raters than the overlap; not retired, held, decided
    or gold.

    A rater counts while they hold the trace or once they have submitted. Whoever leases or ends one assignment holds
    its trace's row lock and sets the one flag; this function takes the same locks, so neither undoes the other.
    Returns how many traces changed.
    """
    with transaction.atomic():
        traces = Trace.objects.filter(project=project)
        list(traces.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        num_raters = (
            Assignment.objects.taking_a_place()
            .filter(trace=OuterRef("pk"))
            .order_by()
            .values("trace")
            .annotate(num=Count("pk"))
            .values("num")
        )
        counted = traces.annotate(
            num_raters=Coalesce(Subquery(num_raters), 0, output_field=IntegerField()),
            is_gold=Exists(Gold.objects.filter(trace=OuterRef("pk"))),
            is_decided=Exists(Decision.objects.filter(trace=OuterRef("pk"))),
        )
        is_wanted = Q(
            retired_at__isnull=True,
            num_raters__lt=project.overlap,
            priority__gt=Priority.HELD,
            is_gold=False,
            is_decided=False,
        )
        return (
            counted.exclude(is_wanted, wants_ratings=True)
            .exclude(~is_wanted, wants_ratings=False)
            .update(wants_ratings=~F("wants_ratings"))
        )
