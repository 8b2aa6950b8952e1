"""Batches and judge runs of which some items failed, as workers leave them behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotation.models import GenerationBatch, GenerationChunk, JobState, JudgeChunk, JudgeRun, Prompt, Trace
from tests.factories import NOW, make_batch, make_judge

WROTE_NOTHING = "The model wrote nothing."
DONE = {
    "state": JobState.FINISHED,
    "started_at": NOW,
    "finished_at": NOW,
    "queued_at": NOW,
    "touched_at": NOW,
}


def make_failed_batch(prompts: Sequence[Prompt], reasons: Sequence[str], **fields: Any) -> GenerationBatch:
    """A finished batch whose chunk, its only one, made no trace of any of its prompts."""
    batch = make_batch(
        prompts[0].project,
        **{"num_prompts": len(prompts), "state": JobState.FINISHED, "finished_at": NOW, **fields},
    )
    GenerationChunk.objects.create(
        batch=batch,
        index=0,
        prompt_ids=[prompt.pk for prompt in prompts],
        sample_indexes=[0] * len(prompts),
        failures=[
            {"prompt_id": prompt.pk, "sample_index": 0, "reason": reason}
            for prompt, reason in zip(prompts, reasons, strict=True)
        ],
        **DONE,
    )
    return batch


def make_failed_run(traces: Sequence[Trace], reasons: Sequence[str], num_scored: int = 0) -> JudgeRun:
    """A finished run that gave `num_scored` traces a score, and these none."""
    batch = make_batch(traces[0].project)  # for somebody who launched it
    run = JudgeRun.objects.create(
        project=batch.project,
        judge=make_judge(),
        created_by=batch.created_by,
        num_traces=len(traces) + num_scored,
        **DONE,
    )
    JudgeChunk.objects.create(
        run=run,
        index=0,
        trace_ids=[trace.pk for trace in traces] + [0] * num_scored,
        failures=[
            {"trace_id": trace.pk, "reason": reason} for trace, reason in zip(traces, reasons, strict=True)
        ],
        **DONE,
    )
    return run
