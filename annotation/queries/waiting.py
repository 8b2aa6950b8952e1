"""What a job of a language model waits for: the worker is at something else, or there may be no worker."""

from __future__ import annotations

import datetime as dt

from annotation.models import (
    DryRun,
    GenerationChunk,
    Job,
    JobState,
    JudgeChunk,
    ModelTrial,
    StepBranch,
)
from annotation.models.job import ModelJob

PATIENCE_SECONDS = 20.0
WAITS = "Waits for a worker."
# Said of other people's jobs too, hence without whose they are.
_WORK: dict[type[ModelJob], str] = {
    GenerationChunk: "a part of a batch",
    JudgeChunk: "a part of a judge's run",
    DryRun: "a dry run",
    ModelTrial: "the trial of a model",
    StepBranch: "other next steps for a rater",
}


def explain_wait(job: Job, *, is_on_server: bool, now: dt.datetime) -> str:
    """One sentence for a queued job that `is_on_server` or works with a model in the worker; empty for any other."""
    if job.state != JobState.QUEUED:
        return ""
    for model, work in _WORK.items():
        if model._default_manager.filter(state=JobState.RUNNING, is_on_server=is_on_server).exists():
            return f"Waits for a worker, which is at {work}; that takes some seconds."
    waited = (now - job.queued_at).total_seconds()
    if waited < PATIENCE_SECONDS:
        return WAITS
    queue = "servers" if is_on_server else "models"
    return (
        f"No worker has taken it for {waited:.0f} s, and none is at anything else. "
        f"Is a worker for the queue “{queue}” running?"
    )
