"""A dry run: queued for the right worker, answered as a batch would answer it, and no trace comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.actions import answer_dry_run, dry_runs, jobs
from annotation.actions.batches import NothingToGenerate
from annotation.generation.backend import Refusal
from annotation.models import DryRun, JobState, ModelSpec, Project, Trace
from rl_bridge.errors import BridgeError
from tests.annotation.actions.test_batches import make_settings
from tests.annotation.actions.test_generate import CHUNK_TEXT, ScriptedBackend, Ticking
from tests.factories import NOW, make_account, make_model_spec, make_project, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)  # the beats come on a connection of their own


def launch(project: Project | None = None, *, actor: Any = None, **changes: Any) -> DryRun:
    text = "What is 3 + 4?" + " " * DryRun.objects.count()
    prompt = make_prompt(project, text=text, verifier="numeric", ground_truth="7")
    return dry_runs.launch_dry_run(
        project=prompt.project,
        settings=make_settings(**changes),
        prompt_id=prompt.pk,
        form_fields={"seed": "3"},
        actor=actor or make_account(),
        now=NOW,
    )


def answer(dry_run: DryRun, said: str | Refusal | Exception) -> tuple[DryRun, ScriptedBackend]:
    backend = ScriptedBackend([said if not isinstance(said, Exception) else ""])

    def open_backend(spec: ModelSpec) -> ScriptedBackend:
        assert spec == dry_run.model_spec
        if isinstance(said, Exception):
            raise said
        return backend

    answer_dry_run.answer_dry_run(dry_run_id=dry_run.pk, clock=Ticking(), open_backend=open_backend)
    dry_run.refresh_from_db()
    return dry_run, backend


def test_the_answer_is_stored_with_its_numbers_and_its_verdict_and_no_trace_is() -> None:
    dry_run, backend = answer(launch(), CHUNK_TEXT)

    assert (dry_run.state, dry_run.completion, dry_run.finish_reason) == (
        JobState.FINISHED,
        CHUNK_TEXT,
        "stop",
    )
    assert (dry_run.final_answer, dry_run.is_answer_correct) == ("7", True)
    assert (dry_run.num_prompt_tokens, dry_run.num_tokens, dry_run.mean_logprob) == (5, 9, -0.5)
    assert dry_run.seconds is not None
    assert [request.text for request in backend.requests] == ["Solve: What is 3 + 4?"]
    assert not Trace.objects.exists()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Refusal("The prompt is too long."), "The prompt is too long."),
        (" \n\t", "The model wrote only white space."),
        ("7\x00", "The completion holds a NUL byte, which the database can't store."),
        ("7\ud83d", "The completion holds half of a surrogate pair, which is no character."),
        (BridgeError("There is no folder /x."), "There is no folder /x."),
        (RuntimeError("CUDA out of memory.\nTried to allocate"), "CUDA out of memory."),
    ],
    ids=["refusal", "white space", "NUL", "surrogate", "no folder", "torch"],
)
def test_why_there_is_no_answer_is_the_sentence_that_a_batch_would_give(
    said: str | Refusal | Exception, error: str
) -> None:
    dry_run, _ = answer(launch(), said)

    assert (dry_run.state, dry_run.error, dry_run.completion) == (JobState.FAILED, error, "")


def test_an_unclosed_think_is_kept_as_it_is() -> None:
    dry_run, _ = answer(launch(), "<think>3 + 4 is 7, is it not")

    assert (dry_run.state, dry_run.completion) == (JobState.FINISHED, "<think>3 + 4 is 7, is it not")
    assert (dry_run.final_answer, dry_run.is_answer_correct) == (None, None)
    assert dry_run.verifier_error == "Its thinking was never closed, so there is no final answer."


@pytest.mark.parametrize(
    ("place", "task"),
    [
        ({}, "annotation.answer_dry_run"),
        ({"backend": "server", "address": "http://gpu1:8000/v1"}, "annotation.answer_dry_run_on_server"),
    ],
)
def test_the_worker_that_is_to_make_the_batch_makes_the_dry_run(place: dict[str, str], task: str) -> None:
    assert launch(model_spec=make_model_spec(**place)).task == task


def test_another_dry_run_of_the_same_person_ends_the_wait_for_the_one_before() -> None:
    project, person = make_project(), make_account()
    first = launch(project, actor=person)
    others = launch(project)
    prompt_id = first.prompt_id
    second = dry_runs.launch_dry_run(
        project=project,
        settings=make_settings(),
        prompt_id=prompt_id,
        form_fields={},
        actor=person,
        now=NOW,
    )

    states = {run.pk: run.state for run in DryRun.objects.all()}
    assert states == {first.pk: JobState.CANCELLED, others.pk: JobState.QUEUED, second.pk: JobState.QUEUED}
    with pytest.raises(jobs.JobNotStartable):
        answer(first, CHUNK_TEXT)


def test_a_dry_run_that_was_given_up_in_the_middle_stores_nothing() -> None:
    dry_run = launch()

    def give_up(index: int) -> None:
        jobs.cancel_job(DryRun.objects.get(pk=dry_run.pk), now=NOW)

    backend = ScriptedBackend([CHUNK_TEXT], on_request=give_up)
    with pytest.raises(jobs.JobLost):
        answer_dry_run.answer_dry_run(
            dry_run_id=dry_run.pk, clock=Ticking(), open_backend=lambda spec: backend
        )

    dry_run.refresh_from_db()
    assert (dry_run.state, dry_run.completion) == (JobState.CANCELLED, "")


def test_there_is_no_dry_run_without_a_prompt_of_the_project() -> None:
    for prompt_id in (None, make_prompt().pk):
        with pytest.raises(NothingToGenerate):
            dry_runs.launch_dry_run(
                project=make_project(),
                settings=make_settings(),
                prompt_id=prompt_id,
                form_fields={},
                actor=make_account(),
                now=NOW,
            )
    assert not DryRun.objects.exists()
