"""A worker's part in a branch: next steps sampled one by one, each stored as soon as it is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as _  # raters read it, in their language

from annotation.actions import jobs
from annotation.actions.generate import HALF_A_CHARACTER, derive_seed
from annotation.actions.guarded_work import WorkFailed, guard_work
from annotation.actions.heartbeats import Clock, Heartbeat
from annotation.generation.backend import (
    Backend,
    BackendDescription,
    Completion,
    GenerationRequest,
    Refusal,
    Sampling,
)
from annotation.models import GenerationBatch, ModelSpec, StepAlternative, StepBranch, Trace
from annotation.queries.branches import find_asked_batch
from annotation.rules.branching import cut_next_step, is_next_step_over, is_same_step
from annotation.rules.prompt_template import fill_template
from annotation.rules.segmentation import split_steps
from rl_bridge.errors import BridgeError

_TRIES = 3  # for one alternative, where the model only repeats what it wrote already


@dataclass(frozen=True)
class _Task:
    """What the model is to go on from."""

    prompt: str
    prefix: str
    segmenter: str
    original: str


@dataclass(frozen=True)
class _Found:
    """One try's next step, or why there is none."""

    text: str = ""
    refusal: str = ""
    seed: int = 0


def sample_alternatives(
    *, branch_id: int, clock: Clock, open_backend: Callable[[ModelSpec], Backend]
) -> None:
    """Samples what is still missing of a branch's alternatives. No transaction is open while the model works.

    Raises JobNotStartable or JobLost where the branch is not (any longer) this worker's; what was stored stays.
    """
    branch = jobs.start_job(StepBranch, branch_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    trace = Trace.objects.select_related("prompt", "batch__model_spec").get(assignments=branch.assignment_id)
    batch = find_asked_batch(trace, is_on_server=branch.is_on_server)
    try:
        with guard_work(branch, clock=clock):
            if batch is None:
                raise BridgeError("There is no model here to ask any more.")
            task = _read_task(trace, batch, branch.step_index)
            _sample_missing(branch, task, open_backend(batch.model_spec), clock)
    except WorkFailed as error:
        with transaction.atomic():
            jobs.fail_job(jobs.lock_for_result(branch), error=str(error), now=clock())


def _read_task(trace: Trace, batch: GenerationBatch, step_index: int) -> _Task:
    steps = split_steps(trace.completion, trace.step_ends)
    return _Task(
        prompt=fill_template(batch.prompt_template, trace.prompt.text),
        prefix="".join(steps[:step_index]),
        segmenter=trace.segmenter,
        original=steps[step_index],
    )


def _sample_missing(branch: StepBranch, task: _Task, backend: Backend, clock: Clock) -> None:
    stored = list(
        StepAlternative.objects.filter(branch__assignment=branch.assignment_id).select_related("branch")
    )
    known = [task.original, *(row.text for row in stored if row.branch.step_index == branch.step_index)]
    done = {row.index for row in stored if row.branch_id == branch.pk}
    heartbeat = Heartbeat(branch, clock)
    for index in range(branch.num_wanted):
        if index in done:
            continue
        found = _find_new_step(branch, index, task, backend, heartbeat, known)
        known.append(found.text)
        _store(branch, index, found, backend.describe(), clock)
    with transaction.atomic():
        jobs.finish_job(jobs.lock_for_result(branch), now=clock())


def _find_new_step(
    branch: StepBranch, index: int, task: _Task, backend: Backend, heartbeat: Heartbeat, known: list[str]
) -> _Found:
    """A step that is not known yet; after a few tries, why there is none."""
    found = _Found()
    for attempt in range(_TRIES):
        seed = derive_seed(branch.seed, index * _TRIES + attempt)
        found = _sample_once(branch, task, backend, heartbeat, seed)
        if found.refusal:
            return found
        if not any(is_same_step(found.text, step) for step in known):
            return found
    return dataclasses.replace(
        found, text="", refusal=_("The model only repeated a step that is known already.")
    )


def _sample_once(
    branch: StepBranch, task: _Task, backend: Backend, heartbeat: Heartbeat, seed: int
) -> _Found:
    request = GenerationRequest(
        task.prompt,
        answer_begins=task.prefix,
        is_enough=lambda text: is_next_step_over(task.prefix, text, task.segmenter),
    )
    sampling = Sampling(
        temperature=branch.temperature, top_p=branch.top_p, max_new_tokens=branch.max_new_tokens, seed=seed
    )
    (made,) = backend.generate([request], sampling, heartbeat.beat)
    return dataclasses.replace(_read_step(made, task), seed=seed)


def _read_step(made: Completion | Refusal, task: _Task) -> _Found:
    if isinstance(made, Refusal):
        return _Found(refusal=made.reason)
    if "\x00" in made.text:
        return _Found(refusal=_("The step holds a NUL byte, which the database can't store."))
    if HALF_A_CHARACTER.search(made.text):
        return _Found(refusal=_("The step holds half of a surrogate pair, which is no character."))
    step = cut_next_step(task.prefix, made.text, task.segmenter)
    if step is None:
        return _Found(refusal=_("The model wrote nothing more here."))
    if made.finish_reason != "stop" and not is_next_step_over(task.prefix, made.text, task.segmenter):
        return _Found(refusal=_("The model did not come to the end of a step."))
    return _Found(text=step)


def _store(
    branch: StepBranch, index: int, found: _Found, description: BackendDescription, clock: Clock
) -> None:
    with transaction.atomic():
        jobs.lock_for_result(branch)
        StepAlternative.objects.create(
            branch=branch,
            index=index,
            text=found.text,
            refusal=found.refusal,
            sampling={"backend": dataclasses.asdict(description), "seed": found.seed},
            created_at=clock(),
        )
