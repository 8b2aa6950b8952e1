"""kill -9 of a worker in the middle of a batch: started again, every (prompt, sample) is there exactly once. And a
judge whose model the worker opens.

Real processes: Valkey, a Celery worker of the `models` queue with its pool, a tiny random-weight model.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.utils import timezone

from annotation.actions import batches, jobs, judge_runs
from annotation.models import GenerationBatch, GenerationChunk, JobState, JudgeScore, Trace
from config.paths import BASE_DIR
from tests.annotation.actions.test_batches import make_settings
from tests.factories import (
    make_account,
    make_judge,
    make_model_spec,
    make_project,
    make_prompt,
    make_trace,
)
from tests.rl_bridge import tiny
from tests.rl_bridge.test_token_prm import write_classifier

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(280)]
STALL_SECONDS = 2
PATIENCE_SECONDS = 110


def name_database() -> str:
    """The test's own database, as the worker has to be told of it."""
    found = connection.settings_dict
    host = quote(str(found["HOST"]), safe="")
    secret = f":{quote(found['PASSWORD'])}" if found["PASSWORD"] else ""
    return f"postgres://{found['USER']}{secret}@{host}:{found['PORT'] or 5432}/{found['NAME']}"


@contextmanager
def running_worker(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as `manage.py up` starts it, killed at the end at the latest."""
    environment = {
        **os.environ,
        "DATABASE_URL": name_database(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "GRADUS_JOB_STALL_SECONDS": str(STALL_SECONDS),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-n", "killed@%h", "-Q", "models"]
    command += ["-I", "annotation.tasks.models", "-c", "1", "--loglevel", "INFO"]
    command += ["--prefetch-multiplier", "1", "--without-gossip", "--without-mingle"]
    with log.open("ab") as output:
        worker = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=output, stderr=output)
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def wait_until(is_done: Callable[[], bool], worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        assert worker.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")[-4000:]
        time.sleep(0.1)


def is_in_the_middle(batch: GenerationBatch) -> bool:
    """One chunk is stored and the next one is being made."""
    states = Counter(batch.chunks.values_list("state", flat=True))
    return states[JobState.FINISHED] >= 1 and states[JobState.RUNNING] >= 1


def is_finished_with_the_reapers_help(batch: GenerationBatch) -> bool:
    """Reaps as the clock does, every tenth of a second instead of every ten."""
    jobs.reap_jobs(now=timezone.now(), stall_seconds=STALL_SECONDS, max_attempts=5)
    batch.refresh_from_db()
    return not batch.is_open


def test_a_process_reward_model_judges_through_the_queue(broker: str, tmp_path: Path) -> None:
    trace = make_trace()
    spec = make_model_spec(backend="prm", location=str(write_classifier(tmp_path / "prm")))
    judge = make_judge(kind="prm", model_spec=spec, settings={"separator": "\n"}, project=trace.project)
    run = judge_runs.launch_judge_run(
        project=trace.project, judge=judge, actor=make_account(), now=timezone.now()
    )

    def is_over() -> bool:
        run.refresh_from_db()
        return not run.is_open

    log = tmp_path / "worker.log"
    with running_worker(log) as worker:
        wait_until(is_over, worker, log)

    assert run.state == JobState.FINISHED
    score = JudgeScore.objects.get(trace=trace, judge=judge)
    assert len(score.probabilities) == trace.num_steps
    assert all(0 < number < 1 for number in score.probabilities)


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(broker: str, tmp_path: Path) -> None:
    project = make_project()
    prompts = [make_prompt(project) for _ in range(8)]
    folder = tiny.write_model(tmp_path / "tiny", tiny.build_llama())
    log = tmp_path / "worker.log"
    batch = batches.launch_batch(
        project=project,
        settings=make_settings(
            model_spec=make_model_spec(location=str(folder)), num_samples=2, max_new_tokens=700
        ),
        prompt_ids=[prompt.pk for prompt in prompts],
        actor=make_account(),
        now=timezone.now(),
    )

    with running_worker(log) as worker:
        wait_until(lambda: is_in_the_middle(batch), worker, log)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    num_before = Trace.objects.filter(batch=batch).count()
    with running_worker(log) as worker:
        wait_until(lambda: is_finished_with_the_reapers_help(batch), worker, log)

    made = [(trace.prompt_id, trace.sample_index) for trace in Trace.objects.filter(batch=batch)]
    failed = [
        (failure["prompt_id"], failure["sample_index"])
        for chunk in GenerationChunk.objects.filter(batch=batch)
        for failure in chunk.failures
    ]
    assert 0 < num_before < 16
    assert sorted(made + failed) == sorted((prompt.pk, sample) for prompt in prompts for sample in range(2))
    assert batch.state == JobState.FINISHED
    assert max(batch.chunks.values_list("num_attempts", flat=True)) == 2
