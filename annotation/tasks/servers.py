"""Tasks of the `servers` queue: those that ask a server for its language model, and load none themselves."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from annotation.actions import answer_dry_run as answering
from annotation.actions import generate, judge
from annotation.actions import sample_alternatives as sampling
from annotation.actions import try_model as trying
from annotation.actions.jobs import leave_to_others
from annotation.actions.opened_servers import open_server_backend
from annotation.actions.server_judges import ask_server_model, open_server_judge


@shared_task(name="annotation.generate_chunk_on_server")
def generate_chunk_on_server(chunk_id: int) -> None:
    with leave_to_others():
        generate.generate_chunk(chunk_id=chunk_id, clock=timezone.now, open_backend=open_server_backend)


@shared_task(name="annotation.sample_alternatives_on_server")
def sample_alternatives_on_server(branch_id: int) -> None:
    with leave_to_others():
        sampling.sample_alternatives(
            branch_id=branch_id, clock=timezone.now, open_backend=open_server_backend
        )


@shared_task(name="annotation.judge_chunk_on_server")
def judge_chunk_on_server(chunk_id: int) -> None:
    with leave_to_others():
        judge.judge_chunk(chunk_id=chunk_id, clock=timezone.now, open_judge=open_server_judge)


@shared_task(name="annotation.try_model_on_server")
def try_model_on_server(trial_id: int) -> None:
    with leave_to_others():
        trying.try_model(
            trial_id=trial_id,
            clock=timezone.now,
            ask=ask_server_model,
        )


@shared_task(name="annotation.answer_dry_run_on_server")
def answer_dry_run_on_server(dry_run_id: int) -> None:
    with leave_to_others():
        answering.answer_dry_run(dry_run_id=dry_run_id, clock=timezone.now, open_backend=open_server_backend)
