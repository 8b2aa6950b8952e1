"""Gold: saying of a trace which of its steps stand, and taking that back.

A trace that becomes gold leaves the queue: it is handed out beside it, at the project's share, to every rater once.
Leases that run go on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction

from annotation.actions.audit import record_event
from annotation.actions.places import lock_trace, refresh_place_flag
from annotation.importing.rows import clean_text
from annotation.models import Account, Gold, GoldSource, Trace


class WrongNumberOfSteps(Exception):
    """There is not one truth for each step of the trace."""


class TraceRetired(Exception):
    """A later segmentation has replaced the trace; gold for it would never be seen."""


class NotGold(Exception):
    """The trace is no gold."""


def make_gold(
    *,
    trace: Trace,
    stands: Sequence[bool],
    source: GoldSource,
    actor: Account,
    now: dt.datetime,
    note: str = "",
) -> Gold:
    """Makes the trace gold; where it is gold already, replaces what was known of it.

    stands: S booleans, whether each step stands. Raises WrongNumberOfSteps and TraceRetired.
    """
    with transaction.atomic():
        lock_trace(trace.pk)
        locked = Trace.objects.only("step_ends", "retired_at", "project").get(pk=trace.pk)
        if locked.retired_at is not None:
            raise TraceRetired(f"Trace {locked.pk} was cut anew; make its newest one gold.")
        if len(stands) != locked.num_steps:
            raise WrongNumberOfSteps(
                f"Trace {locked.pk} has {locked.num_steps} steps, but {len(stands)} are said to stand or not."
            )
        known = {
            "stands": list(stands),
            "source": source,
            "note": clean_text(note).strip(),
            "created_by": actor,
            "created_at": now,
        }
        gold, is_new = Gold.objects.update_or_create(trace=locked, defaults=known)
        refresh_place_flag(locked.pk)
        record_event(
            actor=actor,
            verb="made gold" if is_new else "changed gold",
            subject=locked,
            now=now,
            project=locked.project,
            source=source,
            stands=list(stands),
        )
    return gold


def remove_gold(*, trace: Trace, actor: Account, now: dt.datetime) -> None:
    """Takes back that the trace is gold: it counts for nobody's accuracy any more, and waits for ratings again.

    Raises NotGold.
    """
    with transaction.atomic():
        lock_trace(trace.pk)
        num_removed, _ = Gold.objects.filter(trace=trace).delete()
        if not num_removed:
            raise NotGold(f"Trace {trace.pk} is no gold.")
        refresh_place_flag(trace.pk)
        record_event(actor=actor, verb="removed gold", subject=trace, now=now, project=trace.project)
