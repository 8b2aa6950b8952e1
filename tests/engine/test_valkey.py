"""The embedded Valkey, alone."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
import redis

from config import paths
from config.engine import valkey
from config.engine.binaries import find_valkey
from config.engine.errors import EngineError
from config.engine.testing import running_valkey


def connect(data: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(paths.valkey_socket(data)), decode_responses=True)


def test_it_listens_on_a_closed_socket_and_on_no_port(data: Path) -> None:
    with running_valkey(data), connect(data) as client:
        assert client.config_get("port") == {"port": "0"}
        assert stat.S_IMODE(paths.valkey_socket(data).stat().st_mode) == 0o700

    assert not valkey.answers(data)


def test_it_refuses_new_messages_rather_than_drop_old_ones(data: Path) -> None:
    with running_valkey(data), connect(data) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_messages_survive_a_clean_stop(data: Path) -> None:
    with running_valkey(data), connect(data) as client:
        client.rpush("queue", "a", "b")

    with running_valkey(data), connect(data) as client:
        assert client.lrange("queue", 0, -1) == ["a", "b"]


def test_messages_survive_kill_9(data: Path) -> None:
    with running_valkey(data) as child, connect(data) as client:
        client.rpush("queue", *range(1000))
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(5)

    with running_valkey(data), connect(data) as client:
        assert client.llen("queue") == 1000


def test_a_file_cut_off_in_its_last_write_still_loads(data: Path) -> None:
    with running_valkey(data), connect(data) as client:
        client.rpush("queue", "a")
        client.rpush("queue", "b")
    (written,) = (paths.valkey_dir(data) / "appendonlydir").glob("*.incr.aof")
    os.truncate(written, written.stat().st_size - 3)

    with running_valkey(data), connect(data) as client:
        assert client.lrange("queue", 0, -1) == ["a"]


def test_a_folder_with_a_space_and_a_quote_in_its_name_is_no_trouble(data: Path) -> None:
    odd = data / "it's here"
    odd.mkdir()

    try:
        with running_valkey(odd), connect(odd) as client:
            client.set("key", "value")
        assert list((odd / "valkey" / "appendonlydir").iterdir())
    finally:
        for path in paths.socket_dir(odd).iterdir():
            path.rmdir() if path.is_dir() else path.unlink()
        paths.socket_dir(odd).rmdir()


def test_a_server_that_can_not_start_is_reported(data: Path) -> None:
    paths.valkey_dir(data).mkdir()
    (paths.valkey_dir(data) / "appendonlydir").write_text("in the way")

    with pytest.raises(EngineError, match="Valkey can't start"), running_valkey(data):
        pass


def test_a_named_program_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VALKEY_BIN", str(tmp_path / "valkey-server"))

    assert find_valkey() == tmp_path / "valkey-server"
