"""In which order traces are handed out: an admin's word on prompts, which their traces follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.actions.audit import record_event
from annotation.actions.overlap import refresh_wants_ratings
from annotation.models import Account, Priority, Project, Prompt


def set_priority(
    *, project: Project, prompts: QuerySet[Prompt], priority: Priority, actor: Account, now: dt.datetime
) -> int:
    """Sets the priority of these prompts of the project and of all their traces; returns how many prompts it changed.

    Held traces are handed out to nobody from now on; leases that run go on.
    """
    with transaction.atomic():
        wanted = prompts.filter(project=project).exclude(priority=priority).order_by().values("pk")
        locked = Prompt.objects.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True)
        ids = list(locked.values_list("pk", flat=True))
        if not ids:
            return 0
        Prompt.objects.filter(pk__in=ids).update(priority=priority)
        with connection.cursor() as cursor:
            cursor.execute(_FOLLOW_OF_PROMPTS, [ids])
        refresh_wants_ratings(project)
        record_event(
            actor=actor,
            verb="set priorities",
            subject=f"{len(ids)} prompts",
            now=now,
            project=project,
            priority=priority.label,
            prompts=len(ids),
        )
    return len(ids)


def follow_prompts(trace_ids: Sequence[int]) -> None:
    """Gives new traces the priorities of their prompts, which may have changed since the prompts were read.

    Called in the transaction that stores them; whoever sets priorities waits for it, or is waited for.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, [list(trace_ids)])


# The prompts' rows are locked (shared) first, then the traces in the order of their ids, as everyone locks traces.
_FOLLOW = """
WITH meant AS (
  SELECT t.id, p.priority FROM annotation_trace t JOIN annotation_prompt p ON p.id = t.prompt_id
  WHERE t.id = ANY(%s) FOR SHARE OF p
)
UPDATE annotation_trace t SET priority = meant.priority, wants_ratings = t.wants_ratings AND meant.priority > 0
FROM meant WHERE t.id = meant.id AND t.priority <> meant.priority
"""
_FOLLOW_OF_PROMPTS = """
WITH meant AS (
  SELECT t.id, p.priority FROM annotation_trace t JOIN annotation_prompt p ON p.id = t.prompt_id
  WHERE p.id = ANY(%s) ORDER BY t.id FOR NO KEY UPDATE OF t
)
UPDATE annotation_trace t SET priority = meant.priority, wants_ratings = t.wants_ratings AND meant.priority > 0
FROM meant WHERE t.id = meant.id
"""
