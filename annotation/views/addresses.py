"""Addresses that differ by a number alone, written without looking for their pattern anew.

A rating page names a handful of them, and Django's `reverse` would be a thirtieth of what a rating costs.
"""

from __future__ import annotations

from functools import lru_cache

from django.urls import get_script_prefix, reverse

_MARK = 987_654_321_012_345_678


def address_of(view: str, number: int) -> str:
    """What `reverse(view, args=[number])` gives, for a view of one number."""
    before, after = _cut(view, get_script_prefix())
    return f"{before}{number}{after}"


@lru_cache(maxsize=100)
def _cut(view: str, script_prefix: str) -> tuple[str, str]:
    """What stands before and behind the number where the product is served under this prefix."""
    before, _, after = reverse(view, args=[_MARK]).partition(str(_MARK))
    return before, after
