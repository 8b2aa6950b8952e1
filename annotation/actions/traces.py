"""Traces cut into steps anew. What was rated keeps the steps it was rated with."""

from __future__ import annotations

import datetime as dt
import random

from django.db import transaction

from annotation.actions.audit import record_event
from annotation.models import Account, Priority, Trace
from annotation.rules.segmentation import segment


class TraceRetired(Exception):
    """A later segmentation has replaced the trace already."""


class SameSteps(Exception):
    """The segmenter cuts the trace exactly as it is cut now."""


def resegment_trace(*, trace: Trace, segmenter: str, actor: Account, now: dt.datetime) -> Trace:
    """Makes a new trace of the same completion, cut by `segmenter`, and retires the old one.

    Ratings and judge scores stay with the old trace; the new one starts without any. Raises TraceRetired, SameSteps,
    or UnknownSegmenter.
    """
    step_ends = segment(trace.completion, segmenter)
    with transaction.atomic():
        old = Trace.objects.select_for_update(no_key=True).get(pk=trace.pk)
        if old.retired_at is not None:
            raise TraceRetired(f"Trace {old.pk} was already cut anew; open the newest one.")
        if step_ends == old.step_ends:
            raise SameSteps(f"{segmenter} cuts this trace exactly as it is cut now.")
        old.retired_at, old.wants_ratings = now, False
        old.save(update_fields=["retired_at", "wants_ratings"])
        new = _copy(old, segmenter=segmenter, step_ends=step_ends, now=now)
        record_event(
            actor=actor,
            verb="cut a trace anew",
            subject=new,
            now=now,
            project=old.project,
            replaces=old.pk,
            segmenter=segmenter,
        )
    return new


def _copy(old: Trace, *, segmenter: str, step_ends: list[int], now: dt.datetime) -> Trace:
    return Trace.objects.create(
        project_id=old.project_id,
        prompt_id=old.prompt_id,
        batch_id=old.batch_id,
        sample_index=old.sample_index,
        completion=old.completion,
        step_ends=step_ends,
        segmenter=segmenter,
        segmentation=old.segmentation + 1,
        model_name=old.model_name,
        sampling=old.sampling,
        finish_reason=old.finish_reason,
        num_prompt_tokens=old.num_prompt_tokens,
        num_tokens=old.num_tokens,
        mean_logprob=old.mean_logprob,
        final_answer=old.final_answer,
        is_answer_correct=old.is_answer_correct,
        created_at=now,
        queue_key=random.random(),
        priority=old.priority,
        wants_ratings=old.priority > Priority.HELD,
    )
