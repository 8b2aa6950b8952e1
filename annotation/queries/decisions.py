"""Decisions of adjudicators: those that stood at a moment, and what a rater may see of them."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef, QuerySet

from annotation.models import Decision, Project


def list_decisions_as_of(project: Project, *, at: dt.datetime) -> QuerySet[Decision]:
    """The decisions that stood at a moment: each trace's last revision until then.

    Revisions are only ever added, so the answer for a moment in the past never changes.
    """
    later = Decision.objects.filter(
        trace=OuterRef("trace"), revision__gt=OuterRef("revision"), decided_at__lte=at
    )
    return Decision.objects.filter(~Exists(later), trace__project=project, decided_at__lte=at)
