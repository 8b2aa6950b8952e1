"""The embedded PostgreSQL: starting it, knowing when it answers, and the role and database inside it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import sql

from config import paths
from config.engine.cluster import Cluster
from config.engine.errors import EngineError, is_about_a_full_disk
from config.engine.process import Child, ChildSpec, read_log_tail

# A laptop's settings: nothing listens on TCP; parallel queries are off because their shared memory is what
# small containers (64 MB of /dev/shm) run out of first.
SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "max_parallel_workers_per_gather=0",
    "log_timezone=UTC",
)
# For databases that nobody will miss: several times faster to write to, and lost in a power cut.
FORGETFUL_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
START_SECONDS = 120.0  # after a kill the log is replayed first
_RETRY_SECONDS = 10.0
_POLL_SECONDS = 0.05
_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] ")


def describe_postgres(data: Path, cluster: Cluster, *, settings: tuple[str, ...] = ()) -> ChildSpec:
    """How to run the server in the foreground. SIGINT is its fast shutdown: roll back, write, leave."""
    command = [str(cluster.bin_dir / "postgres"), "-D", str(cluster.directory)]
    command += ["-k", str(paths.postgres_socket_dir(data)), "-p", str(paths.POSTGRES_PORT)]
    for setting in (*SETTINGS, *settings):
        command += ["-c", setting]
    return ChildSpec(
        name="postgres",
        title="PostgreSQL",
        command=tuple(command),
        log=paths.logs_dir(data) / "postgres.log",
        cwd=Path("/"),  # ours may be out of its reach
        stop_signal=signal.SIGINT,
        urgent_signal=signal.SIGQUIT,  # leave now, recover at the next start
        orphan_signal=signal.SIGINT,
        patience_seconds=4.0,  # it writes what it holds: seconds after a busy time on a slow disk
        become=cluster.identity.become,
    )


def start_postgres(
    data: Path, cluster: Cluster, spec: ChildSpec, *, keep_going: Callable[[], None] = lambda: None
) -> Child:
    """Start the server and return once it takes connections; EngineError with its last words if it can't.

    A predecessor whose supervisor was killed may need a moment to leave: "postmaster.pid already exists" is
    therefore tried again for a few seconds.
    """
    give_socket_folder(data, cluster)
    retry_until = time.monotonic() + _RETRY_SECONDS
    while True:
        clear_stale_locks(data, cluster)
        words_before = spec.log.stat().st_size if spec.log.exists() else 0
        child = Child(spec)
        if _wait_until_it_answers(child, data, cluster, keep_going=keep_going):
            return child
        tail = read_log_tail(spec.log, since_byte=words_before)
        if not _is_predecessor_leaving(tail) or time.monotonic() > retry_until:
            raise EngineError(explain_failure(tail, folder=cluster.directory))
        time.sleep(_POLL_SECONDS)


def answers(data: Path, *, database: str = "postgres") -> bool:
    """True if the server takes connections now."""
    with contextlib.suppress(psycopg2.OperationalError):
        _connect(data, user="postgres", database=database).close()
        return True
    return False


def create_role_and_database(data: Path) -> None:
    """Make the application's role and database where they are missing. The role is no superuser.

    EngineError if PostgreSQL refuses, on a full disk for instance.
    """
    connection = _connect(data, user="postgres", database="postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [paths.DATABASE_USER])
            if cursor.fetchone() is None:
                role = sql.Identifier(paths.DATABASE_USER)
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [paths.DATABASE_NAME])
            if cursor.fetchone() is None:
                names = [sql.Identifier(paths.DATABASE_NAME), sql.Identifier(paths.DATABASE_USER)]
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
    except psycopg2.Error as error:
        if is_about_a_full_disk(str(error)):
            raise EngineError(
                f"The disk that holds {data} is full; free some space and start again."
            ) from error
        reason = str(error).strip().partition("\n")[0]
        raise EngineError(f"The database could not be made: {reason}.") from error
    finally:
        connection.close()


def give_socket_folder(data: Path, cluster: Cluster) -> None:
    """Make the sockets' folder; where PostgreSQL runs under another id, let that id reach its part of it."""
    folder = paths.ensure_socket_dir(data)
    if cluster.identity.owner is not None:
        folder.chmod(0o711)
        os.chown(paths.postgres_socket_dir(data), cluster.identity.owner, cluster.identity.owner)


def clear_stale_locks(data: Path, cluster: Cluster) -> None:
    """Remove PostgreSQL's lock files where their process is gone, unreaped, or by now some other program.

    PostgreSQL takes any process with that number for its predecessor: after a container restarts, numbers are
    dealt out anew, and under a PID 1 that reaps nothing the dead keep theirs. Whoever calls this holds the data
    folder's lock, so no other supervisor can mind.
    """
    socket_lock = paths.postgres_socket_dir(data) / f".s.PGSQL.{paths.POSTGRES_PORT}.lock"
    for lock in (cluster.directory / "postmaster.pid", socket_lock):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(lock.read_text().splitlines()[0])
            if Path("/proc/self/exe").exists() and not _serves(pid, cluster.directory):
                lock.unlink()


def explain_failure(tail: list[str], *, folder: Path) -> str:
    """One sentence out of the server's last log lines."""
    text = "\n".join(tail)
    if is_about_a_full_disk(text):
        free = shutil.disk_usage(folder).free // 1024**2
        return f"PostgreSQL can't start: the disk that holds {folder} is full ({free} MB free)."
    fatal = [line for line in tail if "FATAL:" in line or "PANIC:" in line] or tail
    last = _PREFIX.sub("", fatal[-1]).strip() if fatal else "it wrote nothing to its log"
    return f"PostgreSQL can't start: {last.rstrip('.')}."


def _wait_until_it_answers(
    child: Child, data: Path, cluster: Cluster, *, keep_going: Callable[[], None]
) -> bool:
    """True once it answers, False if it ended; EngineError if it does neither in good time."""
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            if child.exit_status() is not None:
                return False
            if _says_ready(child, cluster.directory) and answers(data):
                return True
            keep_going()
            time.sleep(_POLL_SECONDS)
    except BaseException:
        child.end()
        raise
    child.end()
    raise EngineError(f"PostgreSQL did not answer in {START_SECONDS:.0f} s; its log is {child.spec.log}.")


def _says_ready(child: Child, directory: Path) -> bool:
    """True if the server's own pid file says so: knocking before that would only fill its log."""
    with contextlib.suppress(OSError):
        lines = (directory / "postmaster.pid").read_text().splitlines()
        return len(lines) >= 8 and lines[0] == str(child.pid) and lines[7].strip() == "ready"
    return False


def _is_predecessor_leaving(tail: list[str]) -> bool:
    text = "\n".join(tail)
    return "postmaster.pid" in text or "pre-existing shared memory" in text or ".lock" in text


def _serves(pid: int, directory: Path) -> bool:
    """True if that process is a PostgreSQL server on this very directory (its working directory is)."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == directory.resolve()
    except PermissionError:
        return True  # another user's: leave it to PostgreSQL to decide
    except OSError:
        return False


def _connect(data: Path, *, user: str, database: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=str(paths.postgres_socket_dir(data)),
        port=paths.POSTGRES_PORT,
        user=user,
        dbname=database,
        connect_timeout=5,
    )
