"""A broker that starts anew and a database that is away for ten seconds, in the middle of a batch; and cancelling one.

Real processes on an engine of their own: PostgreSQL, Valkey, a worker for servers, a launcher beside it. The server
that the worker asks for completions is the fake one, with a latency of a real one.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.engine import postgres
from config.engine.cluster import prepare_cluster
from config.engine.process import Child
from config.engine.testing import running_postgres, running_valkey
from config.paths import BASE_DIR
from tests.beside import Beside
from tests.contracts.openai_server import OpenAIServer, running_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(290)]
DATABASE_IS_AWAY_SECONDS = 10
PATIENCE_SECONDS = 60


class Engine:
    """The services, which can be stopped and started again on what they had stored."""

    def __init__(self, data: Path, services: contextlib.ExitStack) -> None:
        self.data, self._services = data, services
        self.postgres = services.enter_context(running_postgres(data))
        self._broker = contextlib.ExitStack()
        services.push(self._broker)
        self._broker.enter_context(running_valkey(data))

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            key: os.environ[key] for key in os.environ if key not in ("DATABASE_URL", "CELERY_BROKER_URL")
        }
        return kept | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "GRADUS_DATA": str(self.data),
            "GRADUS_JOB_STALL_SECONDS": "4",
        }

    def restart_broker(self) -> None:
        self._broker.close()
        self._broker.enter_context(running_valkey(self.data))

    def stop_database(self) -> None:
        self.postgres.end()

    def start_database(self) -> None:
        cluster = prepare_cluster(self.data)
        spec = postgres.describe_postgres(self.data, cluster, settings=postgres.FORGETFUL_SETTINGS)
        self.postgres = postgres.start_postgres(self.data, cluster, spec)
        self._services.callback(Child.end, self.postgres)


@contextlib.contextmanager
def running(engine: Engine, *command: str, **how: Any) -> Iterator[subprocess.Popen[Any]]:
    with (engine.data / "processes.log").open("ab") as log:
        process: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=BASE_DIR, env=engine.environment, stderr=log, **how
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    data = tmp_path_factory.mktemp("engine")
    with contextlib.ExitStack() as services:
        yield Engine(data, services)


@pytest.fixture(scope="module")
def launcher(engine: Engine) -> Iterator[Beside]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with running(engine, "tests.annotation.restarted_world", **pipes) as process:
        yield Beside(process)


@pytest.fixture(scope="module")
def worker(engine: Engine, launcher: Beside) -> Iterator[subprocess.Popen[bytes]]:
    command = ["celery", "-A", "config", "worker", "-Q", "servers", "-I", "annotation.tasks.servers"]
    command += ["-P", "threads", "-c", "4", "--prefetch-multiplier", "1", "--loglevel", "INFO"]
    with running(engine, *command, stdout=subprocess.DEVNULL) as process:
        yield process


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with running_server(say=lambda body: f"3 + 4 = 7.\nBy seed {body['seed']}: it is 7.") as server:
        yield server


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("worker")
def test_a_new_broker_and_ten_seconds_without_a_database_lose_and_double_nothing(
    engine: Engine, launcher: Beside, server: OpenAIServer
) -> None:
    server.latency_seconds = 0.5
    batch = launcher.ask("launch", address=server.address, num_prompts=20, num_samples=6, in_flight=4)

    def has_finished(num: int) -> bool:
        states = launcher.ask("look", batch_id=batch)
        return states["finished"] >= num and states["running"] >= 1

    wait_until(lambda: has_finished(1))
    engine.restart_broker()
    wait_until(lambda: has_finished(3))
    engine.stop_database()
    time.sleep(DATABASE_IS_AWAY_SECONDS)
    assert launcher.ask("look", batch_id=batch) is None, "it was away"
    engine.start_database()
    result = launcher.ask("finish", batch_id=batch)

    assert result == {"state": "finished", "is_each_made_once": True, "num_made": 120, "failures": []}
    assert len(server.requests) > 120, "what was on the way when the database went was asked for again"


@pytest.mark.usefixtures("worker")
def test_a_cancelled_batch_breaks_off_what_is_on_its_way_within_seconds(
    launcher: Beside, server: OpenAIServer
) -> None:
    server.latency_seconds = 50.0
    batch = launcher.ask("launch", address=server.address, num_prompts=8, num_samples=2, in_flight=8)
    wait_until(lambda: server.num_in_flight == 8)

    began = time.monotonic()
    launcher.ask("cancel", batch_id=batch)
    wait_until(lambda: server.num_in_flight == 0)

    assert time.monotonic() - began < 10
    assert server.num_broken_off == len(server.requests) <= 16
    result = launcher.ask("finish", batch_id=batch)
    assert (result["state"], result["num_made"], result["failures"]) == ("cancelled", 0, [])


@pytest.mark.usefixtures("worker")
def test_judges_that_ask_a_server_work_through_the_queue(launcher: Beside, server: OpenAIServer) -> None:
    batch = launcher.ask("launch", address=server.address, num_prompts=2, num_samples=2, in_flight=8)
    assert launcher.ask("finish", batch_id=batch)["num_made"] == 4
    rollout = {
        "template": "Solve: {prompt}",
        "num_rollouts": 2,
        "is_search": False,
        "temperature": 1.0,
        "max_new_tokens": 32,
    }
    rubric = {"rubric": "{problem}\n{steps}\nJudge each.", "temperature": 0.0, "max_new_tokens": 64}

    run = launcher.ask("launch_judge", batch_id=batch, kind="rollout", options=rollout)
    rolled_out = launcher.ask("finish_judge", run_id=run)
    verdicts = [{"step": number, "critique": "Fine.", "verdict": "correct"} for number in (1, 2)]
    server.say = lambda body: json.dumps({"steps": verdicts})
    run = launcher.ask("launch_judge", batch_id=batch, kind="rubric", options=rubric)
    by_rubric = launcher.ask("finish_judge", run_id=run)

    assert (rolled_out["state"], rolled_out["failures"]) == ("finished", [])
    assert rolled_out["probabilities"] == [[1.0, 1.0]] * 4
    assert (by_rubric["state"], by_rubric["failures"]) == ("finished", [])
    assert len(by_rubric["probabilities"]) == 4
    assert all(len(numbers) == 2 for numbers in by_rubric["probabilities"])
