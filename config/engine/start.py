"""From nothing to one URL: the order in which `manage.py up` brings the product to life."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config import paths
from config.engine import external, postgres, stack, valkey
from config.engine.cluster import prepare_cluster
from config.engine.errors import EngineError, explain_os_error, is_about_a_full_disk
from config.engine.lock import DataFolderLock
from config.engine.prepare import read_prepared
from config.engine.process import Child, ChildSpec, open_log, pick_reason, read_log_tail, run_to_end
from config.engine.stack import Address
from config.engine.supervisor import STOP_SECONDS, Supervisor

# What stops first has the highest number: nobody loses the ground under their feet.
_WEB, _WORKERS, _BROKER, _DATABASE = 4, 3, 2, 1
_ORPHANS_LEAVE_SECONDS = 5.0


@dataclass(frozen=True)
class Voice:
    """How the start is told: `begin` opens a line, `end` closes it, `say` is a line of its own."""

    begin: Callable[[str], None]
    end: Callable[[str], None]
    say: Callable[[str], None]


def run_engine(data: Path, *, host: str, port: int, voice: Voice) -> None:
    """Start everything, print the URL, and keep it running until a signal; EngineError if it can't start."""
    try:
        _prepare_folder(data)
        with DataFolderLock(data) as lock:
            patience = _ORPHANS_LEAVE_SECONDS if lock.was_killed_before else 0.0
            address = stack.claim_address(host, port, patience_seconds=patience)
            supervisor = Supervisor(
                say=voice.say, stop_seconds=STOP_SECONDS + stack.find_graceful_seconds() - 1
            )
            with supervisor.listening():
                _start_services(data, supervisor=supervisor, voice=voice)
                url = _prepare_product(data, address, supervisor=supervisor, voice=voice)
                _start_ours(data, address, supervisor=supervisor, voice=voice)
                lock.announce(url=address.url)
                voice.say(f"\nOpen {url}\n")
                voice.say(f"Ctrl-C stops everything. Logs are in {paths.logs_dir(data)}.")
                supervisor.watch()
                voice.say("Stopping …")
    except paths.ForeignSocketFolderError as error:
        raise EngineError(str(error)) from None
    except OSError as error:
        raise explain_os_error(error, data) from error


def _prepare_folder(data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    # Asks the disk and the permissions now, before anything else has started.
    with open_log(paths.logs_dir(data) / "up.log") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} start, process {os.getpid()}\n".encode())


def _start_services(data: Path, *, supervisor: Supervisor, voice: Voice) -> None:
    if url := os.environ.get("DATABASE_URL"):
        with _timed("Database (DATABASE_URL)", voice):
            external.check_database(url)
    else:
        with _timed("PostgreSQL", voice):
            supervisor.keep(_start_postgres(data, supervisor), stop_stage=_DATABASE)
            postgres.create_role_and_database(data)
    if url := os.environ.get("CELERY_BROKER_URL"):
        with _timed("Broker (CELERY_BROKER_URL)", voice):
            external.check_broker(url)
    else:
        with _timed("Valkey", voice):
            paths.ensure_socket_dir(data)
            spec = valkey.describe_valkey(data)
            supervisor.start(spec, stop_stage=_BROKER, is_ready=lambda: valkey.answers(data))


def _start_postgres(data: Path, supervisor: Supervisor) -> Child:
    cluster = prepare_cluster(data, keep_going=supervisor.keep_going)
    spec = postgres.describe_postgres(data, cluster)
    return postgres.start_postgres(data, cluster, spec, keep_going=supervisor.keep_going)


def _prepare_product(data: Path, address: Address, *, supervisor: Supervisor, voice: Voice) -> str:
    """Tables, static files and, on the first start, the demo project. Returns the URL to open."""
    result, log = data / "prepared.json", paths.logs_dir(data) / "prepare.log"
    log.unlink(missing_ok=True)
    place = ("--host", address.visible_host, "--port", str(address.port), "--result", str(result))
    command = (sys.executable, "-m", "config.engine.prepare", *place)
    spec = ChildSpec("prepare", "Preparation", command, log, cwd=paths.BASE_DIR)
    with _timed("Tables, pages and demo", voice):
        if run_to_end(spec, keep_going=supervisor.keep_going) != 0:
            raise EngineError(_explain_preparation(data, log))
        prepared = read_prepared(result)
    if prepared.demo_problem:
        voice.say(f"  The demo project could not be made: {prepared.demo_problem} (log: {log}).")
    return prepared.url


def _explain_preparation(data: Path, log: Path) -> str:
    words = read_log_tail(log)
    if is_about_a_full_disk("\n".join(words)):
        return f"The disk that holds {data} is full; free some space and start again."
    return f"The database could not be brought up to date: {pick_reason(words)} (log: {log})."


def _start_ours(data: Path, address: Address, *, supervisor: Supervisor, voice: Voice) -> None:
    with _timed("Web server", voice):
        spec = stack.describe_web(data, address)
        supervisor.start(spec, stop_stage=_WEB, is_ready=lambda: stack.answers(address))
    for spec in stack.describe_workers(data):
        supervisor.keep(Child(spec), stop_stage=_WORKERS)
    voice.say("  Workers … starting in the background")


@contextmanager
def _timed(title: str, voice: Voice) -> Iterator[None]:
    voice.begin(f"  {title} … ")
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        voice.end("")
        raise
    voice.end(f"ready ({time.monotonic() - begun:.1f} s)")
