"""How long a request waits before it asks again: drawn, growing, and long enough for a limit for each minute."""

from __future__ import annotations

import pytest

from annotation.generation.server_client import MOST_ATTEMPTS
from annotation.generation.server_waits import draw_backoff, draw_spread

DRAWS = 200


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1.0), (4, 8.0), (9, 30.0)])
def test_a_wait_is_drawn_below_a_limit_that_doubles(attempt: int, longest: float) -> None:
    waits = [draw_backoff(attempt, base=0.5, is_at_limit=False) for _ in range(DRAWS)]

    assert all(0 <= wait <= longest for wait in waits)
    assert max(waits) > longest / 2
    assert len(set(waits)) > DRAWS / 2, "requests that were refused together don't come back together"


def test_the_waits_at_a_limit_outlast_a_minute_whatever_is_drawn() -> None:
    shortest = [
        min(draw_backoff(attempt, base=0.5, is_at_limit=True) for _ in range(DRAWS))
        for attempt in range(MOST_ATTEMPTS - 1)
    ]

    assert sum(shortest) > 60
    assert shortest[0] < 10, "a limit for each second is not waited out for a minute"
    assert draw_backoff(20, base=0.5, is_at_limit=True) <= 60


@pytest.mark.parametrize(("ordered", "most"), [(0.0, 0.0), (1.0, 0.2), (20.0, 4.0), (300.0, 10.0)])
def test_an_ordered_wait_is_spread_by_a_fifth_and_by_no_more_than_ten_seconds(
    ordered: float, most: float
) -> None:
    spreads = [draw_spread(ordered) for _ in range(DRAWS)]

    assert all(0 <= spread <= most for spread in spreads)
    assert max(spreads) >= most / 2
