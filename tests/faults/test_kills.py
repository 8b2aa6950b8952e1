"""Parts of the running product are killed at random moments while people rate, models write and exports are made.

Each round kills one process with SIGKILL: of the web server, the workers, the broker or the database, the parent or a
child. GRADUS_FAULT_ROUNDS says how many rounds (4 where it says nothing, each part once), GRADUS_FAULT_SEED which:

    GRADUS_FAULT_ROUNDS=50 ./run test tests/faults -m slow

The supervisor waits longer the oftener a part dies, up to half a minute: 50 rounds took 14 minutes and passed, beside
other work on two cores.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from config import paths
from tests.beside import Beside
from tests.contracts.openai_server import running_server
from tests.engine.processes import list_descendants, read_command, wait_for
from tests.engine.running import Engine, environment_for, fetch_status
from tests.faults.raters import Crew
from tests.faults.world import SLUG

NUM_ROUNDS = int(os.environ.get("GRADUS_FAULT_ROUNDS", "4"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 90 * NUM_ROUNDS)]
PARTS = {"web server": "gunicorn", "worker": "celery", "broker": "valkey", "database": "postgres"}
NUM_RATERS, TRACES_A_ROUND = 8, 300
PATIENCE_SECONDS = 120.0
STALL_SECONDS = "5"
GIVEN_UP = f"Its worker died {settings.JOB_MAX_ATTEMPTS} times"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """An empty data folder, whose sockets go away with it."""
    folder = tmp_path / "data"
    yield folder
    shutil.rmtree(paths.socket_dir(folder), ignore_errors=True)


class World(Beside):
    """tests.faults.world beside the product."""

    def insist(self, work: str, **arguments: Any) -> Any:
        """The answer once the database gives one."""
        said: list[Any] = [None]

        def answers() -> bool:
            said[0] = self.ask(work, **arguments)
            return said[0] is not None

        assert wait_for(answers, seconds=PATIENCE_SECONDS), f"no answer to {work}"
        return said[0]


@contextmanager
def running_world(data: Path) -> Iterator[World]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.world"],
        cwd=paths.BASE_DIR,
        env=environment_for(data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield World(process)
    finally:
        process.kill()
        process.communicate()


def kill_one(engine: Engine, part: str, source: random.Random) -> str:
    """Kills one process of a part, its parent or a child; says which."""

    def list_of_part() -> list[int]:
        return sorted(pid for pid in list_descendants(engine.process.pid) if PARTS[part] in read_command(pid))

    assert wait_for(lambda: bool(list_of_part()), seconds=PATIENCE_SECONDS), f"the {part} never came back"
    pids = list_of_part()
    pid = pids[0] if source.random() < 0.5 else source.choice(pids)
    command = read_command(pid)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return f"{part}: {pid} had left by itself"
    return f"{part}: {pid} {command:.90}"


def is_up(url: str) -> bool:
    try:
        return fetch_status(url, "/readyz") == 200
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool], words: str) -> None:
    assert wait_for(is_so, seconds=PATIENCE_SECONDS), words


def test_whatever_is_killed_when_nothing_acknowledged_is_lost_and_all_goes_on(data: Path) -> None:
    seed = int(os.environ.get("GRADUS_FAULT_SEED", time.time_ns() % 10_000))
    source = random.Random(seed)
    stalls = {"GRADUS_JOB_STALL_SECONDS": STALL_SECONDS}
    with running_server(latency_seconds=0.3) as server, Engine(data, environment=stalls) as engine:
        url = engine.wait_for_url()
        with running_world(data) as world:
            sessions = world.ask(
                "seed", num_traces=TRACES_A_ROUND * NUM_ROUNDS, num_raters=NUM_RATERS, address=server.address
            )
            crew = Crew(urlsplit(url).port or 80, sessions, SLUG)
            crew.start()
            try:
                wait_until(lambda: all(crew.count()), "nobody can rate")
                jobs = {"batch_id": world.ask("launch_batch"), "export_id": world.ask("launch_export")}
                for number in range(NUM_ROUNDS):
                    part = [*PARTS][number % len(PARTS)] if number < len(PARTS) else source.choice([*PARTS])
                    time.sleep(source.uniform(0.0, 3.0))
                    words = f"seed {seed}, round {number + 1}: {kill_one(engine, part, source)}"
                    jobs = check_round(url, world, crew, jobs, words)
            finally:
                crew.stop()
            expect_the_rest_is_done(world, crew, jobs)


def check_round(url: str, world: World, crew: Crew, jobs: dict[str, int], words: str) -> dict[str, int]:
    """Everybody gets on, nothing is lost or half; a batch or an export that has ended is followed by another."""
    before, course = crew.count(), world.insist("course", **jobs)
    wait_until(lambda: is_up(url), f"{words}: the product is not back")
    wait_until(
        lambda: all(now > then for now, then in zip(crew.count(), before, strict=True)),
        f"{words}: a rater gets no further: {crew.count()} after {before}",
    )

    def goes_on() -> bool:
        now = world.insist("course", **jobs)
        return bool(now["batch"] == "finished" or now["num_made"] > course["num_made"])

    wait_until(goes_on, f"{words}: the batch stands still: {course}")
    found = world.insist("look", acknowledged=crew.acknowledged)
    assert not any(found.values()), f"{words}: {found}"
    assert crew.refused == [], words
    now = world.insist("course", **jobs)
    assert now["batch"] != "failed", f"{words}: {now}"
    # An export that was cut off five times running is given up (ADR jobs-are-rows).
    assert now["export"] != "failed" or now["error"].startswith(GIVEN_UP), f"{words}: {now}"
    if now["batch"] == "finished":
        assert now["num_made"] == now["num_wanted"], words
        jobs = {**jobs, "batch_id": world.insist("launch_batch")}
    if now["export"] in ("finished", "failed"):
        jobs = {**jobs, "export_id": world.insist("launch_export")}
    return jobs


def expect_the_rest_is_done(world: World, crew: Crew, jobs: dict[str, int]) -> None:
    """Without further kills all traces are rated, as often as wanted, and what was launched is finished."""

    def is_finished() -> bool:
        now = world.insist("course", **jobs)
        return bool(now["batch"] == now["export"] == "finished" and now["num_made"] == now["num_wanted"])

    wait_until(is_finished, f"what was launched does not end: {world.insist('course', **jobs)}")
    crew.start(think_seconds=0.0)
    crew.wait(PATIENCE_SECONDS)
    found = world.insist("look", acknowledged=crew.acknowledged)
    assert not any(found.values()), found
    assert world.insist("count_left") == {"short": 0, "held": 0}
    assert len(crew.acknowledged) > NUM_RATERS * NUM_ROUNDS
