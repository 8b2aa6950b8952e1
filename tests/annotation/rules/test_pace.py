"""The pace of the last week, and when that ends."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.rules.pace import measure_pace
from tests.factories import NOW

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("since_first", "num_recent", "a_day"),
    [
        (30 * DAY, 70, 10.0),  # a week counts, whatever came before
        (2 * DAY, 40, 20.0),  # since the first rating, where that is later
        (DAY / 24, 10, 10.0),  # an hour counts as a day
        (30 * DAY, 0, 0.0),
    ],
)
def test_the_pace_is_that_of_the_last_days(since_first: dt.timedelta, num_recent: int, a_day: float) -> None:
    pace = measure_pace(num_recent=num_recent, first_at=NOW - since_first, num_left=100, now=NOW)

    assert pace.a_day == pytest.approx(a_day)


def test_what_is_left_ends_at_that_pace() -> None:
    pace = measure_pace(num_recent=70, first_at=NOW - 30 * DAY, num_left=25, now=NOW)

    assert pace.days_left == pytest.approx(2.5)
    assert pace.done_on == (NOW + 3 * DAY).date()


def test_nobody_rating_never_ends_and_nothing_left_has_ended() -> None:
    idle = measure_pace(num_recent=0, first_at=NOW - 30 * DAY, num_left=5, now=NOW)
    done = measure_pace(num_recent=0, first_at=None, num_left=0, now=NOW)

    assert (idle.days_left, idle.done_on) == (None, None)
    assert (done.days_left, done.done_on) == (0.0, NOW.date())


def test_a_pace_that_takes_ten_thousand_years_names_no_day() -> None:
    pace = measure_pace(num_recent=1, first_at=NOW - 30 * DAY, num_left=10**9, now=NOW)

    assert pace.done_on is None
    assert pace.days_left == pytest.approx(7e9)
