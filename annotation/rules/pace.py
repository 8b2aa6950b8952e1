"""How fast a project is rated, and when it is done if that goes on."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

WINDOW_DAYS = 7
_LEAST_DAYS = 1.0  # an hour's work is no pace yet: it counts as if it had taken a day


@dataclass(frozen=True)
class Pace:
    """`a_day`: ratings a day over the last days; `days_left` at that pace, None where nobody has rated lately, 0 where
    nothing is left; `done_on`: the day it ends, likewise."""

    a_day: float
    days_left: float | None
    done_on: dt.date | None


def measure_pace(*, num_recent: int, first_at: dt.datetime | None, num_left: int, now: dt.datetime) -> Pace:
    """The pace of the last WINDOW_DAYS days, or since the project's first rating where that was later.

    num_recent: ratings within the window. first_at: when the project was first rated. num_left: ratings still wanted.
    """
    since_first = (now - first_at).total_seconds() / 86_400 if first_at else 0.0
    days = min(float(WINDOW_DAYS), max(_LEAST_DAYS, since_first))
    a_day = num_recent / days
    if num_left == 0:
        return Pace(a_day, 0.0, now.date())
    if num_recent == 0:
        return Pace(0.0, None, None)
    days_left = num_left / a_day
    try:
        done_on = (now + dt.timedelta(days=math.ceil(days_left))).date()
    except OverflowError:  # beyond the year 9999
        done_on = None
    return Pace(a_day, days_left, done_on)
