"""A worker's part in a dry run: the answer to its prompt, or one sentence on why a batch would get none either.

Which kind of model it asks is its caller's choice (`open_backend`), so this loads no torch by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from annotation.actions import jobs
from annotation.actions.beating import keep_beating
from annotation.actions.generate import derive_item_seed, derive_seed, find_fault
from annotation.actions.guarded_work import WorkFailed, guard_work
from annotation.actions.heartbeats import Clock, Heartbeat
from annotation.actions.verdicts import give_verdict
from annotation.generation.backend import Backend, Completion, GenerationRequest, Refusal, Sampling
from annotation.models import DryRun, ModelSpec


def answer_dry_run(*, dry_run_id: int, clock: Clock, open_backend: Callable[[ModelSpec], Backend]) -> None:
    """Stores what the model wrote, or why it failed. Raises JobNotStartable or JobLost; then nothing is stored."""
    dry_run = jobs.start_job(DryRun, dry_run_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    try:
        with guard_work(dry_run, clock=clock):
            backend = open_backend(dry_run.model_spec)
            begun = time.monotonic()
            result = _ask(dry_run, backend, Heartbeat(dry_run, clock))
            seconds = time.monotonic() - begun
    except WorkFailed as error:
        _fail(dry_run, str(error), clock)
        return
    fault = find_fault(result)
    if fault is not None or isinstance(result, Refusal):
        _fail(dry_run, fault or "", clock)
        return
    _store(dry_run, result, seconds, clock)


def _ask(dry_run: DryRun, backend: Backend, heartbeat: Heartbeat) -> Completion | Refusal:
    sampling = Sampling(
        temperature=dry_run.temperature,
        top_p=dry_run.top_p,
        max_new_tokens=dry_run.max_new_tokens,
        seed=derive_seed(dry_run.seed, 0),
    )
    seed = derive_item_seed(dry_run.seed, 0) if dry_run.is_on_server else None
    [result] = backend.generate([GenerationRequest(dry_run.told, seed=seed)], sampling, heartbeat.beat)
    return result


def _store(dry_run: DryRun, completion: Completion, seconds: float, clock: Clock) -> None:
    prompt = dry_run.prompt
    with keep_beating(dry_run, clock=clock):  # comparing an answer may take seconds
        verdict = give_verdict(prompt.verifier, prompt.ground_truth, completion.text)
    with transaction.atomic():
        locked = jobs.lock_for_result(dry_run)
        locked.completion = completion.text
        locked.finish_reason, locked.mean_logprob = completion.finish_reason, completion.mean_logprob
        locked.num_prompt_tokens = completion.num_prompt_tokens or 0
        locked.num_tokens = completion.num_tokens or 0
        locked.final_answer, locked.is_answer_correct = verdict.final_answer, verdict.is_correct
        locked.verifier_error = verdict.error
        locked.seconds = seconds
        locked.save()
        jobs.finish_job(locked, now=clock())


def _fail(dry_run: DryRun, error: str, clock: Clock) -> None:
    with transaction.atomic():
        jobs.fail_job(jobs.lock_for_result(dry_run), error=error, now=clock())
