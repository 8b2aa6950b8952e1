"""From nothing to one URL: the order in which `manage.py up` brings the product to life."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command, get_commands
from django.db import DatabaseError, connections

from config import paths
from config.engine import external, postgres, stack, valkey
from config.engine.cluster import prepare_cluster
from config.engine.errors import EngineError, explain_os_error, is_about_a_full_disk
from config.engine.lock import DataFolderLock
from config.engine.process import Child, ChildSpec, open_log, pick_reason, read_log_tail, run_to_end
from config.engine.stack import Address
from config.engine.supervisor import Supervisor

# What stops first has the highest number: nobody loses the ground under their feet.
_WEB, _WORKERS, _BROKER, _DATABASE = 4, 3, 2, 1


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
            address = stack.claim_address(host, port)
            supervisor = Supervisor(say=voice.say)
            with supervisor.listening():
                _start_services(data, supervisor=supervisor, voice=voice)
                _prepare_database(data, supervisor=supervisor, voice=voice)
                _start_ours(data, address, supervisor=supervisor, voice=voice)
                lock.announce(url=address.url)
                voice.say(f"\nOpen {find_url_to_open(address)}\n")
                voice.say(f"Ctrl-C stops everything. Logs are in {paths.logs_dir(data)}.")
                supervisor.watch()
                voice.say("Stopping …")
    except paths.ForeignSocketFolderError as error:
        raise EngineError(str(error)) from None
    except OSError as error:
        raise explain_os_error(error, data) from error


def find_url_to_open(address: Address) -> str:
    """The one address to show: a link that signs the owner in on the first visit, where there is such a command."""
    if "owner_link" not in get_commands():
        return address.url
    output = io.StringIO()
    call_command("owner_link", "--host", address.visible_host, "--port", str(address.port), stdout=output)
    connections.close_all()
    return output.getvalue().strip()


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


def _prepare_database(data: Path, *, supervisor: Supervisor, voice: Voice) -> None:
    """Tables, static files and, on the first start, the demo project."""
    with _timed("Tables and pages", voice, done="up to date"):
        try:
            call_command("migrate", interactive=False, verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
        except DatabaseError as error:
            if is_about_a_full_disk(str(error)):
                raise EngineError(f"The disk that holds {data} is full; free some space.") from error
            raise EngineError(f"The database could not be brought up to date: {_flatten(error)}.") from error
        finally:
            connections.close_all()
    supervisor.keep_going()
    if "ensure_demo" in get_commands():
        with _timed("Demo project", voice):
            _run_command(data, "ensure_demo", supervisor=supervisor)


def _start_ours(data: Path, address: Address, *, supervisor: Supervisor, voice: Voice) -> None:
    with _timed("Web server", voice):
        spec = stack.describe_web(data, address)
        supervisor.start(spec, stop_stage=_WEB, is_ready=lambda: stack.answers(address))
    for spec in stack.describe_workers(data):
        supervisor.keep(Child(spec), stop_stage=_WORKERS)
    voice.say("  Workers … starting in the background")


def _run_command(data: Path, name: str, *, supervisor: Supervisor) -> None:
    log = paths.logs_dir(data) / f"{name}.log"
    log.unlink(missing_ok=True)
    command = (sys.executable, "manage.py", name)
    status = run_to_end(
        ChildSpec(name, name, command, log, cwd=paths.BASE_DIR), keep_going=supervisor.keep_going
    )
    if status != 0:
        raise EngineError(f"`manage.py {name}` failed: {pick_reason(read_log_tail(log))} (log: {log}).")


@contextmanager
def _timed(title: str, voice: Voice, *, done: str = "ready") -> Iterator[None]:
    voice.begin(f"  {title} … ")
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        voice.end("")
        raise
    voice.end(f"{done} ({time.monotonic() - begun:.1f} s)")


def _flatten(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
