"""`manage.py up`, the whole of it, as a person meets it: one URL, one Ctrl-C, and one sentence when it can't."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from config import paths
from config.engine import postgres
from config.engine.process import read_log_tail
from tests.engine.processes import is_alive, list_descendants, read_command, wait_for
from tests.engine.running import START_SECONDS, Engine, environment_for, fetch_status


def run_up(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py up` that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "up", *arguments],
        cwd=paths.BASE_DIR,
        env=environment_for(data, **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def workers_are_ready(data: Path) -> bool:
    """True once both workers have forked their pools (each logs "ready" then)."""
    logs = [paths.logs_dir(data) / f"worker-{name}.log" for name in ("models", "default")]
    return all(any(" ready." in line for line in read_log_tail(log)) for log in logs)


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


# --- from start to stop -----------------------------------------------------------------------------


def test_it_starts_answers_at_its_one_url_and_stops_within_five_seconds(made: Path) -> None:
    with Engine(made) as engine:
        url = engine.wait_for_url()
        assert wait_for(lambda: workers_are_ready(made), seconds=60), engine.text
        processes = list_descendants(engine.process.pid)

        assert fetch_status(url) == 200
        assert engine.text.count("http://") == 1
        assert engine.interrupt() < 5

    assert engine.process.returncode == 0
    assert not [read_command(pid) for pid in processes if is_alive(pid)]
    assert "restart" not in engine.text
    shut_down = "database system is shut down"
    assert any(shut_down in line for line in read_log_tail(paths.logs_dir(made) / "postgres.log"))


@pytest.mark.slow
def test_kill_9_of_the_whole_group_leaves_no_process_behind_and_the_same_port_can_be_used_at_once(
    made: Path,
) -> None:
    with Engine(made) as killed:
        port = urlsplit(killed.wait_for_url()).port
        assert port
        assert wait_for(lambda: workers_are_ready(made), seconds=60), killed.text
        processes = list_descendants(killed.process.pid)
        commands = {pid: read_command(pid) for pid in processes}
        assert len(processes) >= 10  # gunicorn 3, workers 2 + 3, beat, Valkey, PostgreSQL and its own
        os.killpg(killed.process.pid, signal.SIGKILL)
        killed.process.wait()

        with Engine(made, port=port) as again:
            gone = wait_for(lambda: not any(map(is_alive, processes)), seconds=5)

            assert gone, [command for pid, command in commands.items() if is_alive(pid)]
            assert fetch_status(again.wait_for_url()) == 200


def test_ctrl_c_while_starting_stops_what_had_started(made: Path) -> None:
    with Engine(made) as engine:
        assert wait_for(lambda: "PostgreSQL … ready" in engine.text, seconds=START_SECONDS), engine.text
        processes = list_descendants(engine.process.pid)

        assert engine.interrupt() < 5

    assert engine.process.returncode == 0, engine.text
    assert "Open http" not in engine.text
    assert not [read_command(pid) for pid in processes if is_alive(pid)]


# --- when it can't start -----------------------------------------------------------------------------


def test_a_port_in_use_is_said_before_anything_starts(data: Path) -> None:
    with taken_port() as port:
        done = run_up(data, "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} on 127.0.0.1 is already in use")
    assert done.stderr.count("\n") == 1
    assert not (data / "postgres").exists()


def test_a_database_elsewhere_that_does_not_answer_is_one_sentence_without_the_password(data: Path) -> None:
    with taken_port() as port:
        pass

    done = run_up(data, "--port", "0", DATABASE_URL=f"postgres://me:hunter2@127.0.0.1:{port}/gradus")

    assert done.returncode == 1
    assert done.stderr.startswith(
        f"The database postgres://127.0.0.1:{port}/gradus (DATABASE_URL) can't be used"
    )
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr + done.stdout
    assert not (data / "postgres").exists()


def test_a_broker_elsewhere_that_does_not_answer_is_one_sentence_and_stops_postgresql(made: Path) -> None:
    with taken_port() as port:
        pass

    done = run_up(made, "--port", "0", CELERY_BROKER_URL=f"redis://:hunter2@127.0.0.1:{port}/0")

    assert done.returncode == 1
    assert done.stderr.startswith(
        f"The broker redis://127.0.0.1:{port}/0 (CELERY_BROKER_URL) can't be reached"
    )
    assert "hunter2" not in done.stderr + done.stdout
    assert not postgres.answers(made)


def test_a_postgresql_that_can_not_start_is_one_sentence_with_its_own_words(made: Path) -> None:
    (made / "postgres" / "global" / "pg_control").unlink()

    done = run_up(made, "--port", "0")

    assert done.returncode == 1
    assert re.fullmatch(r"PostgreSQL can't start: .*pg_control.*\n", done.stderr)


# --- a full disk, for real ---------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB, where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=60m", "gradus-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs more rights than this test has")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_too_small_for_a_first_start_is_one_sentence(small_disk: Path) -> None:
    done = run_up(small_disk / "data", "--port", "0")

    assert done.returncode == 1
    assert re.fullmatch(r"Only \d+ MB are free on the disk that holds .*; .* needs 200 MB\.\n", done.stderr)


def test_a_full_disk_is_one_sentence_and_leaves_nothing_running(
    small_disk: Path, fresh_cluster: Path
) -> None:
    data = small_disk / "data"
    shutil.copytree(fresh_cluster, data / fresh_cluster.name)
    free = shutil.disk_usage(small_disk).free
    with (small_disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(free - 300 * 1024))

    done = run_up(data, "--port", "0")

    assert done.returncode == 1
    assert "full" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not postgres.answers(data)
    shutil.rmtree(paths.socket_dir(data), ignore_errors=True)


# --- while it runs ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, fresh_cluster: Path) -> Iterator[Engine]:
    """One engine for the tests that leave it as they found it."""
    data = tmp_path_factory.mktemp("running") / "data"
    shutil.copytree(fresh_cluster, data / fresh_cluster.name)
    with Engine(data) as engine:
        engine.wait_for_url()
        yield engine
    shutil.rmtree(paths.socket_dir(data), ignore_errors=True)


@pytest.mark.slow
def test_a_second_start_says_who_runs_and_where_and_disturbs_nothing(running: Engine) -> None:
    url = running.wait_for_url()
    address = "http://" + urlsplit(url).netloc

    second = run_up(running.data, "--port", "0")

    assert second.returncode == 1
    assert second.stderr == (
        f"Gradus already runs on {running.data} as process {running.process.pid}, at {address}.\n"
    )
    assert fetch_status(url) == 200


@pytest.mark.slow
def test_services_elsewhere_are_used_and_nothing_embedded_starts(running: Engine, tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = str(paths.postgres_socket_dir(running.data)).replace("/", "%2F")
    urls = {
        "DATABASE_URL": f"postgres://{paths.DATABASE_USER}@{host}/{paths.DATABASE_NAME}",
        "CELERY_BROKER_URL": paths.embedded_broker_url(running.data),
    }

    with Engine(data, environment=urls) as engine:
        assert fetch_status(engine.wait_for_url()) == 200

        commands = " ".join(map(read_command, list_descendants(engine.process.pid)))
        assert "valkey-server" not in commands
        assert "/postgres" not in commands
    assert not (data / "postgres").exists()
    assert not (data / "valkey").exists()


@pytest.mark.slow
def test_a_web_server_that_dies_is_back_within_seconds(running: Engine) -> None:
    url = running.wait_for_url()
    below = list_descendants(running.process.pid)
    gunicorn = min(pid for pid in below if "gunicorn" in read_command(pid))

    os.kill(gunicorn, signal.SIGKILL)

    assert wait_for(lambda: "Web server was ended by SIGKILL" in running.text, seconds=10)
    assert wait_for(lambda: answers_now(url), seconds=30), running.text


def answers_now(url: str) -> bool:
    try:
        return fetch_status(url) == 200
    except OSError:
        return False
