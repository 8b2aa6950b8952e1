"""When a rater was at work: their ratings in sittings, a pause of more than half an hour between two of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.models import Account, Project, Rating

LONGEST_PAUSE = dt.timedelta(minutes=30)


@dataclass(frozen=True)
class Session:
    """One sitting. `began_at` is when its first trace was handed out or, where that was before the pause, rated;
    active time leaves out gaps of more than a minute."""

    began_at: dt.datetime
    ended_at: dt.datetime
    num_traces: int
    active_seconds: float


def list_sessions(project: Project, rater: Account) -> list[Session]:
    """All of them, the earliest first. An amendment counts where its trace was first submitted."""
    columns = ("assignment__leased_at", "assignment__ended_at", "active_seconds")
    rows = Rating.objects.current().filter(
        trace__project=project, rater=rater, assignment__ended_at__isnull=False
    )
    return _group(list(rows.order_by("assignment__ended_at", "pk").values_list(*columns)))


def _group(rows: Sequence[tuple[dt.datetime, dt.datetime, float]]) -> list[Session]:
    sessions: list[Session] = []
    for leased_at, ended_at, active_seconds in rows:
        last = sessions[-1] if sessions else None
        if last is not None and ended_at - last.ended_at <= LONGEST_PAUSE:
            sessions[-1] = Session(
                began_at=last.began_at,
                ended_at=ended_at,
                num_traces=last.num_traces + 1,
                active_seconds=last.active_seconds + active_seconds,
            )
        else:
            began_at = leased_at if ended_at - leased_at <= LONGEST_PAUSE else ended_at
            sessions.append(Session(began_at, ended_at, 1, active_seconds))
    return sessions
