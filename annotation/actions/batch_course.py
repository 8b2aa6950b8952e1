"""The course of a launched batch as people steer it: cancelled, paused, resumed, its failures tried again."""

from __future__ import annotations

import datetime as dt
from typing import cast

from django.db import transaction
from django.db.models import QuerySet

from annotation import jobs as background
from annotation.actions import chunked
from annotation.actions.audit import record_event
from annotation.actions.batches import Pair, store_chunks
from annotation.models import Account, GenerationBatch, GenerationChunk, JobState


class NothingToRetry(Exception):
    """Every item of the batch has made a trace, or waits its turn."""

    def __init__(self) -> None:
        super().__init__("There is nothing to try again: nothing of this batch failed.")


def cancel_batch(*, batch: GenerationBatch, actor: Account, now: dt.datetime) -> None:
    """Closes the batch and its open chunks. Traces that are stored stay. Raises jobs.NotOpen."""
    with transaction.atomic():
        locked = chunked.cancel(batch, now=now)
        record_event(actor=actor, verb="cancelled a batch", subject=locked, now=now, project=locked.project)


def pause_batch(*, batch: GenerationBatch, actor: Account, now: dt.datetime) -> None:
    """Lets the chunks in hand end, and starts no other. Raises jobs.NotOpen."""
    with transaction.atomic():
        locked = chunked.pause(batch, now=now)
        record_event(actor=actor, verb="paused a batch", subject=locked, now=now, project=locked.project)


def resume_batch(*, batch: GenerationBatch, actor: Account, now: dt.datetime) -> None:
    """Goes on where it stopped; beyond its budget where that is why it paused. Raises chunked.NotPaused."""
    with transaction.atomic():
        batch.refresh_from_db(fields=["pause_reason"])
        was_spent = bool(batch.pause_reason)
        locked = chunked.resume(batch, now=now)
        if was_spent:
            locked.token_budget = locked.money_budget = None
            locked.save(update_fields=["token_budget", "money_budget"])
        record_event(
            actor=actor,
            verb="resumed a batch",
            subject=locked,
            now=now,
            project=locked.project,
            beyond_budget=was_spent,
        )


def retry_failures(*, batch: GenerationBatch, actor: Account, now: dt.datetime) -> int:
    """Has whatever made no trace tried again, in new chunks of the same batch, and returns how many items that are.

    A new chunk has a seed of its own, so what failed by chance is drawn anew. Raises NothingToRetry.
    """
    with transaction.atomic():
        every = cast("QuerySet[GenerationChunk]", GenerationChunk.objects.filter(batch=batch))
        chunks = list(every.select_for_update().order_by("index"))
        locked = chunked.lock(GenerationBatch, batch.pk)
        pairs: list[Pair] = [
            (failure["prompt_id"], failure["sample_index"]) for chunk in chunks for failure in chunk.failures
        ]
        if not pairs:
            raise NothingToRetry
        every.exclude(failures=[]).update(failures=[])
        if not locked.is_open:
            _reopen(locked, now=now)
        for chunk in store_chunks(locked, pairs, first_index=chunks[-1].index + 1, now=now):
            background.queue_on_commit(chunk)
        record_event(
            actor=actor,
            verb="tried failures of a batch again",
            subject=locked,
            now=now,
            project=locked.project,
            items=len(pairs),
        )
    return len(pairs)


def _reopen(batch: GenerationBatch, *, now: dt.datetime) -> None:
    """A closed batch goes on. For as long as it was closed nobody worked on it, no more than in a pause."""
    idle_since = batch.paused_at or batch.finished_at or now
    batch.paused_seconds += max(0, int((now - idle_since).total_seconds()))
    batch.paused_at, batch.pause_reason = None, ""
    batch.state, batch.error, batch.finished_at, batch.touched_at = JobState.RUNNING, "", None, now
    batch.save()
