"""How long a request waits before it asks a server again. Everything is drawn, so that requests which were refused
together don't come back together. Seconds throughout."""

from __future__ import annotations

import random

LONGEST_ORDERED = 300.0
_LONGEST = 30.0
_LONGEST_AT_LIMIT = 60.0
_AT_LIMIT = 16  # times as long: in six attempts at least 80 s, so that a limit for each minute is waited out
_MOST_SPREAD = 10.0


def draw_backoff(attempt: int, *, base: float, is_at_limit: bool) -> float:
    """Anything up to a limit that doubles with each attempt (from 0). `is_at_limit`: the server takes no more requests
    for now (429) and did not say until when; then longer, and never less than half of it."""
    if not is_at_limit:
        return random.uniform(0.0, min(_LONGEST, base * 2**attempt))
    longest = min(_LONGEST_AT_LIMIT, base * _AT_LIMIT * 2**attempt)
    return random.uniform(longest / 2, longest)


def draw_spread(ordered: float) -> float:
    """What is added to a wait that the server ordered: up to a fifth of it."""
    return random.uniform(0.0, min(_MOST_SPREAD, ordered / 5))
