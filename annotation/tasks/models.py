"""Tasks of the `models` queue: those that run a language model. Only its own workers import this."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from annotation.actions import answer_dry_run as answering
from annotation.actions import generate, judge
from annotation.actions import sample_alternatives as sampling
from annotation.actions import try_model as trying
from annotation.actions.jobs import leave_to_others
from annotation.actions.local_judges import ask_local_model, open_local_judge
from annotation.actions.opened_models import open_local_backend


@shared_task(name="annotation.generate_chunk")
def generate_chunk(chunk_id: int) -> None:
    with leave_to_others():
        generate.generate_chunk(chunk_id=chunk_id, clock=timezone.now, open_backend=open_local_backend)


@shared_task(name="annotation.judge_chunk")
def judge_chunk(chunk_id: int) -> None:
    with leave_to_others():
        judge.judge_chunk(chunk_id=chunk_id, clock=timezone.now, open_judge=open_local_judge)


@shared_task(name="annotation.sample_alternatives")
def sample_alternatives(branch_id: int) -> None:
    with leave_to_others():
        sampling.sample_alternatives(branch_id=branch_id, clock=timezone.now, open_backend=open_local_backend)


@shared_task(name="annotation.try_model")
def try_model(trial_id: int) -> None:
    with leave_to_others():
        trying.try_model(trial_id=trial_id, clock=timezone.now, ask=ask_local_model)


@shared_task(name="annotation.answer_dry_run")
def answer_dry_run(dry_run_id: int) -> None:
    with leave_to_others():
        answering.answer_dry_run(dry_run_id=dry_run_id, clock=timezone.now, open_backend=open_local_backend)
