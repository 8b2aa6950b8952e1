"""Budgets of batches: what has used its tokens or its money up pauses, and a person decides how it goes on."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from annotation.actions import chunked
from annotation.models import GenerationBatch
from annotation.queries.spending import find_spent_budget, get_spending


def pause_where_spent(*, batch_id: int, now: dt.datetime) -> None:
    """Pauses an open batch whose budget is used up. Called whenever a chunk of it has ended, so what other workers have
    in hand at that moment is made all the same, and a batch may cost that much more than its budget."""
    with transaction.atomic():
        batch = chunked.lock(GenerationBatch, batch_id)
        if (
            not batch.is_open
            or batch.is_paused
            or (batch.token_budget is None and batch.money_budget is None)
        ):
            return
        if reason := find_spent_budget(batch, get_spending(batch)):
            chunked.pause(batch, now=now, reason=reason)
