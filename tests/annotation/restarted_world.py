"""A launcher beside `test_restarted_services`: another process, as the web server is. JSON lines in and out.

It reaps as the clock does, only oftener, and says what became of a batch or a judge run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import OperationalError, connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from annotation.actions import batch_course, batches, chunked, jobs, judge_runs  # noqa: E402
from annotation.models import (  # noqa: E402
    ChunkedJob,
    GenerationBatch,
    GenerationChunk,
    JobState,
    JudgeRun,
    JudgeScore,
    Trace,
)
from tests.annotation.actions.test_batches import make_settings  # noqa: E402
from tests.beside import serve  # noqa: E402
from tests.factories import make_account, make_judge, make_model_spec, make_project, make_prompt  # noqa: E402


def launch(*, address: str, num_prompts: int, num_samples: int, in_flight: int) -> int:
    project = make_project()
    prompts = [make_prompt(project, verifier="numeric", ground_truth="7") for _ in range(num_prompts)]
    spec = make_model_spec(
        backend="server", address=address, location="tiny", max_in_flight=in_flight, timeout_seconds=60
    )
    batch = batches.launch_batch(
        project=project,
        settings=make_settings(model_spec=spec, num_samples=num_samples, max_new_tokens=64),
        prompt_ids=[prompt.pk for prompt in prompts],
        actor=make_account(),
        now=timezone.now(),
    )
    return batch.pk


def launch_judge(*, batch_id: int, kind: str, options: dict[str, Any]) -> int:
    batch = GenerationBatch.objects.select_related("model_spec", "project").get(pk=batch_id)
    judge = make_judge(kind=kind, model_spec=batch.model_spec, settings=options, project=batch.project)
    run = judge_runs.launch_judge_run(
        project=batch.project, judge=judge, actor=make_account(), now=timezone.now()
    )
    return run.pk


def cancel(*, batch_id: int) -> None:
    batch = GenerationBatch.objects.get(pk=batch_id)
    batch_course.cancel_batch(batch=batch, actor=make_account(), now=timezone.now())


def look(*, batch_id: int) -> dict[str, int]:
    """How many chunks are in each state."""
    states = GenerationChunk.objects.filter(batch=batch_id).values_list("state", flat=True)
    return {state: list(states).count(state) for state in JobState.values}


def finish(*, batch_id: int) -> dict[str, Any]:
    """Reaps until the batch is closed, and tells of each (prompt, sample) what came of it."""
    state = _reap_until_closed(GenerationBatch, batch_id)
    chunks = GenerationChunk.objects.filter(batch=batch_id)
    made = [(trace.prompt_id, trace.sample_index) for trace in Trace.objects.filter(batch=batch_id)]
    wanted = [pair for chunk in chunks for pair in zip(chunk.prompt_ids, chunk.sample_indexes, strict=True)]
    return {
        "state": state,
        "is_each_made_once": sorted(made) == sorted(wanted) and len(set(made)) == len(made),
        "num_made": len(made),
        "failures": [failure for chunk in chunks for failure in chunk.failures],
    }


def finish_judge(*, run_id: int) -> dict[str, Any]:
    state = _reap_until_closed(JudgeRun, run_id)
    scores = JudgeScore.objects.filter(judge__judgerun=run_id)
    return {
        "state": state,
        "probabilities": [score.probabilities for score in scores],
        "failures": [
            failure for chunk in JudgeRun.objects.get(pk=run_id).chunks.all() for failure in chunk.failures
        ],
    }


def _reap_until_closed(model: type[ChunkedJob], job_id: int) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        jobs.reap_jobs(now=timezone.now(), stall_seconds=settings.JOB_STALL_SECONDS, max_attempts=5)
        chunked.settle_abandoned(now=timezone.now())
        job = model._default_manager.get(pk=job_id)
        if not job.is_open:
            return str(job.state)
        time.sleep(0.2)
    raise SystemExit("It did not end.")


WORKS: dict[str, Callable[..., Any]] = {
    work.__name__: work for work in (launch, launch_judge, cancel, look, finish, finish_judge)
}


def main() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    serve(WORKS, is_away=(OperationalError,), forget=connection.close)


if __name__ == "__main__":
    main()
