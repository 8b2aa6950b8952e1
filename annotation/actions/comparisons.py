"""Comparisons: one rater's choice between two traces of one prompt, stored once."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext

from annotation.models import Account, Choice, Comparison
from annotation.queries.comparisons import Pair

MAX_NOTE_CHARACTERS = 5_000


class Side(StrEnum):
    """What the rater said, by where the traces lay on the page."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class AlreadyCompared(Exception):
    """This rater has compared the pair before, and chose differently."""


def submit_comparison(
    *, pair: Pair, rater: Account, side: Side, now: dt.datetime, note: str = ""
) -> Comparison:
    """Stores the choice with the sides it was made from. The same choice sent again answers the same.

    Raises AlreadyCompared where another choice is stored for this rater and pair.
    """
    low, high = pair.ids
    is_swapped = pair.left.pk == high
    choice = _choice(side, is_swapped=is_swapped)
    with transaction.atomic():
        comparison, is_new = Comparison.objects.get_or_create(
            trace_a_id=low,
            trace_b_id=high,
            rater=rater,
            defaults={
                "prompt": pair.prompt,
                "choice": choice,
                "is_swapped": is_swapped,
                "note": note.replace("\x00", "")[:MAX_NOTE_CHARACTERS],
                "submitted_at": now,
            },
        )
    if not is_new and comparison.choice != choice:
        raise AlreadyCompared(gettext("You have compared these two already; your first choice stands."))
    return comparison


def _choice(side: Side, *, is_swapped: bool) -> Choice:
    if side == Side.TIE:
        return Choice.TIE
    if side == Side.BOTH_BAD:
        return Choice.BOTH_BAD
    chose_a = (side == Side.LEFT) != is_swapped
    return Choice.A if chose_a else Choice.B
