"""A worker's part in a trial: one short answer of a model, or one sentence on why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from annotation.actions import jobs
from annotation.actions.guarded_work import WorkFailed, guard_work
from annotation.actions.heartbeats import Clock
from annotation.generation.backend import Backend, Completion, GenerationRequest, MeteredBackend, Sampling
from annotation.judging.judge import Judge, JudgedTrace, NoOpinion
from annotation.models import ModelSpec, ModelTrial
from rl_bridge.errors import BridgeError

_SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=96, seed=0)


class NoAnswer(BridgeError):
    """The model could be reached, and refused or wrote nothing."""


@dataclass(frozen=True)
class TrialAnswer:
    """What the model said. The numbers are None or 0 where there is nothing to tell."""

    text: str
    finish_reason: str = ""
    mean_logprob: float | None = None
    num_prompt_tokens: int = 0
    num_tokens: int = 0


def try_model(*, trial_id: int, clock: Clock, ask: Callable[[ModelSpec, str], TrialAnswer]) -> None:
    """Stores what `ask` brings back, or why it failed. Raises JobNotStartable or JobLost."""
    trial = jobs.start_job(ModelTrial, trial_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    spec = ModelSpec.objects.get(pk=trial.model_spec_id)
    try:
        with guard_work(trial, clock=clock):
            answer = ask(spec, trial.text)
    except WorkFailed as error:
        with transaction.atomic():
            jobs.fail_job(jobs.lock_for_result(trial), error=str(error), now=clock())
        return
    with transaction.atomic():
        locked = jobs.lock_for_result(trial)
        locked.answer = answer.text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        locked.finish_reason, locked.mean_logprob = answer.finish_reason, answer.mean_logprob
        locked.num_prompt_tokens, locked.num_tokens = answer.num_prompt_tokens, answer.num_tokens
        locked.save()
        jobs.finish_job(locked, now=clock())


def ask_backend(backend: Backend, text: str) -> TrialAnswer:
    """One greedy answer of at most 96 tokens. Raises NoAnswer, or what the backend raises."""
    metered = MeteredBackend(backend)
    [result] = metered.generate([GenerationRequest(text)], _SAMPLING, lambda: False)
    if not isinstance(result, Completion):
        raise NoAnswer(result.reason)
    if not result.text.strip():
        raise NoAnswer("The model can be reached, but wrote nothing.")
    return TrialAnswer(
        text=result.text,
        finish_reason=result.finish_reason,
        mean_logprob=result.mean_logprob,
        num_prompt_tokens=metered.num_prompt_tokens,
        num_tokens=metered.num_tokens,
    )


def describe_trial_scores(judge: Judge, text: str) -> TrialAnswer:
    """How a process reward model scores a right and a wrong step behind a text. Raises NoAnswer."""
    [opinion] = judge.score([JudgedTrace(text, ("3 + 4 = 7.\n", "So the answer is 8."))])
    if isinstance(opinion, NoOpinion):
        raise NoAnswer(opinion.reason)
    right, wrong = opinion.probabilities
    return TrialAnswer(f"“3 + 4 = 7.” gets {right:.2f}, “So the answer is 8.” gets {wrong:.2f}.")
