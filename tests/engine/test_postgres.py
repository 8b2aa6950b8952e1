"""The embedded PostgreSQL, alone: making it, starting it, and what it says when it can't start."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]
import pytest

from config import paths
from config.engine import cluster as cluster_module
from config.engine import postgres
from config.engine.cluster import Cluster, find_existing, prepare_cluster
from config.engine.errors import EngineError, StopRequested
from config.engine.process import Child, read_log_tail
from config.engine.testing import running_postgres
from tests.engine.processes import is_alive, list_descendants, wait_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")


def start(data: Path, *, settings: tuple[str, ...] = postgres.FORGETFUL_SETTINGS) -> tuple[Cluster, Child]:
    cluster = prepare_cluster(data)
    spec = postgres.describe_postgres(data, cluster, settings=settings)
    return cluster, postgres.start_postgres(data, cluster, spec)


def ask(data: Path, statement: str) -> object:
    settings = paths.embedded_database_settings(data)
    connection = psycopg2.connect(
        host=settings["HOST"], port=settings["PORT"], user=settings["USER"], dbname=settings["NAME"]
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


# --- an ordinary life -------------------------------------------------------------------------------


def test_the_application_reaches_its_own_database_over_a_socket_only(made: Path) -> None:
    with running_postgres(made):
        assert ask(made, "SELECT current_database()") == paths.DATABASE_NAME
        assert ask(made, "SHOW listen_addresses") == ""
        assert ask(made, "SELECT 'Ä' < 'Z'") is False  # C.UTF-8 orders by code point on every machine

    assert not postgres.answers(made)


def test_what_was_stored_is_there_after_a_clean_stop(made: Path) -> None:
    with running_postgres(made):
        ask(made, "CREATE TABLE kept AS SELECT 42 AS number")

    with running_postgres(made):
        assert ask(made, "SELECT number FROM kept") == 42


def test_it_starts_again_right_after_being_killed(made: Path) -> None:
    cluster, child = start(made, settings=())
    postgres.create_role_and_database(made)
    ask(made, "CREATE TABLE kept AS SELECT 42 AS number")
    os.kill(child.pid, signal.SIGKILL)  # and left unreaped, as under a PID 1 that reaps nothing

    again = postgres.start_postgres(made, cluster, child.spec)
    try:
        assert ask(made, "SELECT number FROM kept") == 42
    finally:
        again.end()
        child.kill()


def test_a_predecessor_that_still_shuts_down_is_waited_for(made: Path) -> None:
    cluster, first = start(made)
    os.kill(first.pid, signal.SIGSTOP)  # so it can't leave before the second has met it

    def let_go() -> None:
        os.kill(first.pid, signal.SIGCONT)
        first.send(signal.SIGINT)

    release = [let_go]
    original = postgres._is_predecessor_leaving

    def release_after_the_first_refusal(tail: list[str]) -> bool:
        if release:
            release.pop()()
        return original(tail)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "_is_predecessor_leaving", release_after_the_first_refusal)
        second = postgres.start_postgres(made, cluster, first.spec)
    try:
        assert not release, "the first attempt should have met postmaster.pid"
        assert second.pid != first.pid
    finally:
        second.end()
        first.kill()


def test_a_lock_whose_number_belongs_to_another_program_is_cleared(made: Path) -> None:
    cluster, child = start(made)
    child.end()
    locks = [cluster.directory / "postmaster.pid", paths.postgres_socket_dir(made) / ".s.PGSQL.5432.lock"]
    for lock in locks:
        lock.write_text(f"{os.getpid()}\n{cluster.directory}\n")

    postgres.clear_stale_locks(made, cluster)

    assert not any(lock.exists() for lock in locks)


def test_the_locks_of_a_running_server_are_left_alone(made: Path) -> None:
    cluster, child = start(made)
    try:
        postgres.clear_stale_locks(made, cluster)

        assert (cluster.directory / "postmaster.pid").exists()
        assert (paths.postgres_socket_dir(made) / ".s.PGSQL.5432.lock").exists()
    finally:
        child.end()


# --- when it can't ----------------------------------------------------------------------------------


def test_a_server_that_refuses_to_start_is_quoted(made: Path) -> None:
    cluster = prepare_cluster(made)
    spec = postgres.describe_postgres(made, cluster, settings=("shared_buffers=nonsense",))

    with pytest.raises(EngineError, match=r"PostgreSQL can't start: .*invalid value for parameter"):
        postgres.start_postgres(made, cluster, spec)


def test_a_damaged_data_directory_is_reported_and_nothing_runs(made: Path) -> None:
    cluster = prepare_cluster(made)
    (cluster.directory / "global" / "pg_control").unlink()
    spec = postgres.describe_postgres(made, cluster)

    with pytest.raises(EngineError, match=r"PostgreSQL can't start: .*pg_control"):
        postgres.start_postgres(made, cluster, spec)

    assert not postgres.answers(made)


@pytest.mark.parametrize(
    ("tail", "sentence"),
    [
        (
            [
                "2026-11-23 10:00:00.000 UTC [7] LOG:  starting",
                "2026-11-23 10:00:00.001 UTC [7] FATAL:  no pg_hba.conf entry.",
                "2026-11-23 10:00:00.002 UTC [7] LOG:  shut down",
            ],
            "PostgreSQL can't start: FATAL:  no pg_hba.conf entry.",
        ),
        ([], "PostgreSQL can't start: it wrote nothing to its log."),
    ],
)
def test_its_last_fatal_line_becomes_the_sentence(tail: list[str], sentence: str, tmp_path: Path) -> None:
    assert postgres.explain_failure(tail, folder=tmp_path) == sentence


def test_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    tail = ['PANIC:  could not write to file "pg_wal/xlogtemp.7": No space left on device']

    assert f"the disk that holds {tmp_path} is full" in postgres.explain_failure(tail, folder=tmp_path)


def test_too_little_free_space_stops_the_first_start_before_anything_is_written(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly_full = shutil.disk_usage(data)._replace(free=7 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: nearly_full)

    with pytest.raises(EngineError, match="Only 7 MB are free"):
        prepare_cluster(data)

    assert list(data.iterdir()) == []


def test_giving_up_during_initdb_leaves_no_half_made_directory(data: Path) -> None:
    def give_up() -> None:
        raise StopRequested

    with pytest.raises(StopRequested):
        prepare_cluster(data, keep_going=give_up)

    assert find_existing(data) is None
    assert [entry.name for entry in data.iterdir()] == ["logs"]


def test_what_a_killed_initdb_left_does_not_hinder_the_next(data: Path) -> None:
    half_made = data / "postgres.part"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")

    cluster = prepare_cluster(data)

    assert (cluster.directory / "PG_VERSION").is_file()
    assert not half_made.exists()


def test_an_initdb_that_fails_says_why(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong_encoding(bin_dir: Path, directory: Path) -> tuple[str, ...]:
        return (str(bin_dir / "initdb"), "--pgdata", str(directory), "--encoding", "KLINGON")

    monkeypatch.setattr(cluster_module, "initdb_command", wrong_encoding)

    with pytest.raises(EngineError, match=r"could not be made: initdb: error: .*KLINGON"):
        prepare_cluster(data)

    assert find_existing(data) is None


# --- as whom it runs --------------------------------------------------------------------------------


@as_root
def test_as_root_it_runs_in_a_user_namespace_on_files_that_stay_roots(made: Path) -> None:
    cluster, child = start(made)
    try:
        if cluster.identity.owner is not None:
            pytest.skip("this machine refuses user namespaces")
        uid_map = Path(f"/proc/{child.pid}/uid_map").read_text().split()

        assert uid_map[0] != "0"
        assert uid_map[1:] == ["0", "1"]
        assert cluster.directory == paths.postgres_dir(made)
        assert cluster.directory.stat().st_uid == 0
    finally:
        child.end()


@as_root
def test_without_namespaces_it_runs_under_an_unused_id_on_its_own_directory(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADUS_NO_NAMESPACES", "1")
    mode_before = stat.S_IMODE(open_folder.stat().st_mode)

    with running_postgres(open_folder) as child:
        owner = Path(f"/proc/{child.pid}").stat().st_uid

        assert owner >= 64200
        assert ask(open_folder, "SELECT 1") == 1

    found = find_existing(open_folder)
    assert found is not None
    assert found.stat().st_uid == owner
    assert (open_folder.stat().st_uid, stat.S_IMODE(open_folder.stat().st_mode)) == (0, mode_before)


@as_root
def test_without_namespaces_a_closed_data_folder_is_not_opened_for_the_unused_id(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADUS_NO_NAMESPACES", "1")
    data.parent.chmod(0o700)
    distant = Path("/var/tmp") / paths.socket_dir(data).name

    try:
        with running_postgres(data):
            assert ask(data, "SELECT 1") == 1
        assert find_existing(data) == distant / "postgres-unprivileged"
        assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(distant, ignore_errors=True)


@as_root
def test_when_namespaces_disappear_the_rows_move_to_a_copy_and_stay_there(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_postgres(open_folder):
        ask(open_folder, "CREATE TABLE kept AS SELECT 42 AS number")
    if find_existing(open_folder) != paths.postgres_dir(open_folder):
        pytest.skip("this machine refuses user namespaces")

    monkeypatch.setenv("GRADUS_NO_NAMESPACES", "1")
    with running_postgres(open_folder):
        ask(open_folder, "UPDATE kept SET number = 43")
    monkeypatch.delenv("GRADUS_NO_NAMESPACES")

    with running_postgres(open_folder):
        assert ask(open_folder, "SELECT number FROM kept") == 43
    assert not paths.postgres_dir(open_folder).exists()


@as_root
def test_an_ordinary_user_needs_neither_namespace_nor_copy(open_folder: Path) -> None:
    os.chown(open_folder, 65534, 65534)

    def run_as_an_ordinary_user() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with running_postgres(open_folder):
            assert ask(open_folder, "SELECT 1") == 1
        assert find_existing(open_folder) == paths.postgres_dir(open_folder)
        shutil.rmtree(paths.socket_dir(open_folder))

    assert run_in_fork(run_as_an_ordinary_user) == ""


@as_root
def test_root_serves_an_ordinary_users_directory_as_that_user(open_folder: Path, fresh_cluster: Path) -> None:
    theirs = paths.postgres_dir(open_folder)
    shutil.copytree(fresh_cluster, theirs)
    for path in [open_folder, theirs, *theirs.rglob("*")]:
        os.chown(path, 65534, 65534)

    with running_postgres(open_folder) as child:
        assert Path(f"/proc/{child.pid}").stat().st_uid == 65534
        assert ask(open_folder, "SELECT 1") == 1


@as_root
def test_an_ordinary_user_is_told_that_the_directory_is_roots(open_folder: Path) -> None:
    prepare_cluster(open_folder)

    def start_as_an_ordinary_user() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with pytest.raises(EngineError, match="belongs to root"):
            prepare_cluster(open_folder)

    assert run_in_fork(start_as_an_ordinary_user) == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_server_process_outlives_whoever_started_it(made: Path, number: int) -> None:
    read, write = os.pipe()
    starter = os.fork()
    if starter == 0:
        _, child = start(made)
        os.write(write, f"{child.pid}\n".encode())
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(60)
        os._exit(0)
    server = int(os.read(read, 32))
    processes = {server, *list_descendants(server)}

    os.kill(starter, number)
    os.waitpid(starter, 0)

    assert wait_for(lambda: not any(map(is_alive, processes)), seconds=10), read_log_tail(
        paths.logs_dir(made) / "postgres.log"
    )


def run_in_fork(action: Callable[[], None]) -> str:
    """Run it in a forked child (which may give up root) and return what it raised, or ''."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        message = ""
        try:
            action()
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
        finally:
            os.write(write, message.encode()[:4000])
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        return pipe.read()
