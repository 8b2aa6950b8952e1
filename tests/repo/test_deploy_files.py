"""Procfile, systemd unit and compose.yaml start what `manage.py up` starts, and stop without losing anything."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.engine.stack import Address, describe_web, describe_workers
from config.paths import BASE_DIR

SLOW_APP = """
import time
def application(environ, start_response):
    with open("asked", "w"):
        time.sleep(1.0 if environ["PATH_INFO"] == "/slow" else 0)
    start_response("200 OK", [("Content-Length", "5")])
    return [b"whole"]
"""


def read_procfile() -> dict[str, list[str]]:
    lines = (BASE_DIR / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(": ") for line in lines)}


def read_compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((BASE_DIR / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ["models", "servers", "default"])
def test_workers_are_those_that_up_starts(name: str, tmp_path: Path) -> None:
    ours = next(spec.command for spec in describe_workers(tmp_path) if spec.name == f"worker-{name}")
    written = read_procfile()[name]

    for option in ("-Q", "-I", "-c", "--prefetch-multiplier"):
        assert written[written.index(option) + 1] == ours[ours.index(option) + 1]
    assert ("-P" in written) == ("-P" in ours)


def test_the_web_server_is_the_one_that_up_starts_and_waits_longer_for_requests(tmp_path: Path) -> None:
    ours, written = describe_web(tmp_path, Address("127.0.0.1", 1)).command, read_procfile()["web"]

    for option in ("--config", "--worker-class", "--workers", "--threads", "--timeout"):
        assert written[written.index(option) + 1] == ours[ours.index(option) + 1]
    assert int(written[written.index("--graceful-timeout") + 1]) >= 30


def run_unit_line(name: str, folder: Path, **environment: str) -> list[str]:
    """The words that the unit's shell line would start for a line of the Procfile, told instead of started."""
    unit = (BASE_DIR / "deploy" / "gradus@.service").read_text(encoding="utf-8")
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).partition("=")[2]
    procfile = (BASE_DIR / "Procfile").read_text(encoding="utf-8")
    (folder / "Procfile").write_text(re.sub(r"\S*\.venv/bin/\w+", "echo", procfile), encoding="utf-8")
    command = shlex.split(line.replace("%i", name).replace("$$", "$"))  # as systemd reads it
    done = subprocess.run(
        command, cwd=folder, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_unit_starts_a_web_server_that_only_this_machine_reaches(tmp_path: Path) -> None:
    """A proxy stands in front: whoever passed it by could forge the headers that it sets."""
    words = run_unit_line("web", tmp_path)
    moved = run_unit_line("web", tmp_path, PORT="9000", GRADUS_BIND="10.0.0.7")

    assert words[words.index("--bind") + 1] == "127.0.0.1:8000"
    assert moved[moved.index("--bind") + 1] == "10.0.0.7:9000"


@pytest.mark.parametrize("name", ["models", "servers", "default", "beat"])
def test_the_unit_starts_each_other_line(name: str, tmp_path: Path) -> None:
    words = run_unit_line(name, tmp_path)

    assert words[words.index("-A") + 1] == "config"
    assert "$" not in " ".join(words)


@pytest.mark.parametrize("name", ["models", "servers", "default"])
def test_workers_stand_back_for_the_pages(name: str) -> None:
    assert read_procfile()[name][:3] == ["nice", "-n", "10"]


def test_compose_starts_every_line_of_the_procfile_with_room_to_end() -> None:
    compose, lines = read_compose(), read_procfile()
    ours = {
        name: service for name, service in compose["services"].items() if service.get("image") == "gradus"
    }

    assert set(ours) == set(lines)
    for name, service in ours.items():
        assert f"s/^{name}: //p" in service["command"][-1]
        assert service["stop_grace_period"] == "2m"


def test_compose_and_the_unit_name_only_settings_that_there_are() -> None:
    documented = set(re.findall(r"`([A-Z_]{5,})`", (BASE_DIR / "docs" / "deploy.md").read_text("utf-8")))

    assert set(read_compose()["x-gradus"]["environment"]) <= documented


def test_compose_has_no_secret_and_opens_nothing_to_the_world() -> None:
    compose = read_compose()
    text = (BASE_DIR / "compose.yaml").read_text(encoding="utf-8")

    assert "POSTGRES_PASSWORD:?" in text
    assert [service["ports"] for service in compose["services"].values() if "ports" in service] == [
        ["127.0.0.1:8000:8000"]
    ]
    images = [service["image"] for service in compose["services"].values() if "image" in service]
    assert all(":" in image for image in images if image != "gradus")


def test_a_web_server_that_is_told_to_stop_ends_the_request_it_is_at(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_APP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    written = read_procfile()["web"]
    options = [word for word in written[2:] if "PORT" not in word and word != "--bind"]
    command = [sys.executable, "-m", "gunicorn", "slow", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(BASE_DIR),
        "GRADUS_LOG_FORMAT": "json",
        "TMPDIR": str(tmp_path),
    }
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([*command, *options], cwd=tmp_path, stderr=log, env=environment)
    try:
        wait_for(lambda: ask(port, "/") == b"whole")
        (tmp_path / "asked").unlink()
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(ask(port, "/slow")))
        thread.start()
        wait_for((tmp_path / "asked").exists)
        counted = list(tmp_path.glob("gradus-metrics-*"))
        os.kill(server.pid, signal.SIGTERM)
        thread.join()

        assert got == [b"whole"]
        assert server.wait(timeout=30) == 0
        told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert any("Listening at" in line["message"] and line["level"] == "INFO" for line in told)
        assert counted and not list(tmp_path.glob("gradus-metrics-*"))
    finally:
        server.kill()
        server.wait()


def ask(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except OSError:
        return b""
    finally:
        connection.close()


def wait_for(is_so: Any) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
