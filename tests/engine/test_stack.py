"""Our own processes: where the web server listens, and what the workers load."""

from __future__ import annotations

import dataclasses
import http.server
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.engine.errors import EngineError
from config.engine.process import Child
from config.engine.stack import Address, answers, claim_address, describe_web, describe_workers


@contextmanager
def listening_socket() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@contextmanager
def server_that_answers(status: int) -> Iterator[Address]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with (
        listening_socket() as port,
        pytest.raises(
            EngineError, match=rf"Port {port} on 127\.0\.0\.1 is already in use; .*--port {port + 1}"
        ),
    ):
        claim_address("127.0.0.1", port)


def test_a_port_that_our_own_last_server_is_leaving_is_waited_for() -> None:
    with socket.socket() as leaving:
        leaving.bind(("127.0.0.1", 0))
        leaving.listen()
        port = leaving.getsockname()[1]
        threading.Timer(0.3, leaving.close).start()

        assert claim_address("127.0.0.1", port, patience_seconds=5) == Address("127.0.0.1", port)


def test_a_free_port_is_taken_as_it_is() -> None:
    with listening_socket() as port:
        pass

    assert claim_address("127.0.0.1", port) == Address("127.0.0.1", port)


def test_port_zero_picks_a_free_one() -> None:
    assert claim_address("127.0.0.1", 0).port > 1023


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(EngineError, match=r"Can't listen on 192\.0\.2\.1"):
        claim_address("192.0.2.1", 8000)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(EngineError, match=r"between 0 and 65535"):
        claim_address("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "url", "bind"),
    [
        ("127.0.0.1", "http://127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80", "0.0.0.0:80"),
        ("::1", "http://[::1]:80", "[::1]:80"),
        ("::", "http://[::1]:80", "[::]:80"),
    ],
)
def test_the_url_can_be_opened_on_this_machine(host: str, url: str, bind: str) -> None:
    assert (Address(host, 80).url, Address(host, 80).bind) == (url, bind)


def test_only_200_counts_as_an_answer() -> None:
    with server_that_answers(200) as healthy, server_that_answers(500) as ill:
        assert answers(healthy)
        assert not answers(ill)
    assert not answers(healthy)


def test_a_host_that_was_asked_for_is_served_and_one_that_was_configured_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GRADUS_HOSTS", raising=False)
    asked = describe_web(tmp_path, Address("192.0.2.7", 80)).env["GRADUS_HOSTS"].split()
    monkeypatch.setenv("GRADUS_HOSTS", "gradus.example")
    configured = describe_web(tmp_path, Address("192.0.2.7", 80)).env["GRADUS_HOSTS"].split()

    assert {"localhost", "192.0.2.7"} <= set(asked)
    assert configured == ["gradus.example"]


def test_each_worker_imports_only_the_tasks_of_its_own_queue(tmp_path: Path) -> None:
    loads = {
        words[words.index("-Q") + 1]: set(words[words.index("-I") + 1].split(","))
        for words in (spec.command for spec in describe_workers(tmp_path))
        if "-Q" in words
    }

    assert set(loads) == {"models", "servers", "default"}
    assert sum(len(tasks) for tasks in loads.values()) == len(set.union(*loads.values()))
    assert "annotation.tasks.models" not in loads["default"]


def test_every_process_works_on_the_same_data_folder(tmp_path: Path) -> None:
    specs = [describe_web(tmp_path, Address("127.0.0.1", 80)), *describe_workers(tmp_path)]

    assert {spec.env["GRADUS_DATA"] for spec in specs} == {str(tmp_path)}
    assert len({spec.log for spec in specs}) == len(specs)


@pytest.mark.parametrize(("url", "seconds"), [("postgres://db/gradus", 30), ("", 1)])
def test_a_team_s_web_server_may_end_its_requests_and_a_laptop_s_ctrl_c_waits_for_none(
    url: str, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    spec = describe_web(tmp_path, Address("127.0.0.1", 8000))

    assert spec.command[spec.command.index("--graceful-timeout") + 1] == str(seconds)
    assert seconds < spec.patience_seconds < seconds + 1


def test_workers_stand_back_for_the_pages(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"import os; open({str(told)!r}, 'w').write(str(os.nice(0)))"
    here = os.nice(0)
    for spec in describe_workers(tmp_path):
        if spec.name == "beat":
            continue
        child = Child(dataclasses.replace(spec, command=(sys.executable, "-c", script)))
        assert child.wait(20)
        assert int(told.read_text()) == min(here + 10, 19), spec.name
