"""Our own long-running processes: the web server, the workers by queue, and the clock that queues periodic jobs."""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from config import paths
from config.engine.errors import EngineError
from config.engine.process import ChildSpec

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}
_DEFAULT_HOSTS = "localhost 127.0.0.1 [::1]"


@dataclass(frozen=True)
class Address:
    """Where the web server listens."""

    host: str
    port: int

    @property
    def visible_host(self) -> str:
        """The host to open in a browser on this machine, with brackets around IPv6."""
        host = _WILDCARDS.get(self.host, self.host)
        return f"[{host}]" if ":" in host else host

    @property
    def url(self) -> str:
        return f"http://{self.visible_host}:{self.port}"

    @property
    def bind(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def claim_address(host: str, port: int, *, patience_seconds: float = 0.0) -> Address:
    """Check that we may listen there, before anything starts. Port 0 picks a free one. EngineError if not.

    `patience_seconds` is how long a port in use is asked again: after a kill, our own last web server may still
    be leaving.
    """
    if not 0 <= port <= 65535:
        raise EngineError(f"Port {port} does not exist; choose one between 0 and 65535 with --port.")
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return Address(host, _bind_once(host, port))
        except PermissionError:
            raise EngineError(
                f"This user may not use port {port}; choose one above 1023 with --port."
            ) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = error.strerror or error
                raise EngineError(f"Can't listen on {host}, port {port}: {reason}.") from None
            if time.monotonic() >= deadline:
                raise EngineError(
                    f"Port {port} on {host} is already in use; stop that program, or choose another port, "
                    f"say --port {port + 1}."
                ) from None
        time.sleep(0.1)


def _bind_once(host: str, port: int) -> int:
    """The port we could bind just now; OSError if we could not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def describe_web(data: Path, address: Address) -> ChildSpec:
    """gunicorn with threads: 2x4 with persistent connections served the most of all that was tried."""
    options = {
        "--bind": address.bind,
        "--worker-class": "gthread",
        "--workers": "2",
        "--threads": "4",
        "--graceful-timeout": str(find_graceful_seconds()),
        "--config": "python:config.web_server",
        "--timeout": "60",
    }
    arguments = [word for pair in options.items() for word in pair]
    hosts = os.environ.get("GRADUS_HOSTS") or f"{_DEFAULT_HOSTS} {address.visible_host}"
    return ChildSpec(
        name="web",
        title="Web server",
        command=(sys.executable, "-m", "gunicorn", "config.wsgi", "--no-control-socket", *arguments),
        log=paths.logs_dir(data) / "web.log",
        env={
            **_environment(data),
            "GRADUS_HOSTS": hosts,
            "PROMETHEUS_MULTIPROC_DIR": str(_empty_counts(data)),
        },
        cwd=paths.BASE_DIR,
        orphan_signal=signal.SIGQUIT,
        patience_seconds=find_graceful_seconds() + 0.2,
    )


def find_graceful_seconds() -> int:
    """How long a web server that is told to stop may take to end its requests: a team's get the time they need, and a
    laptop's Ctrl-C waits for nobody."""
    return 30 if os.environ.get("DATABASE_URL") else 1


def _empty_counts(data: Path) -> Path:
    """The folder in which web processes count requests together (config/metrics.py), emptied."""
    folder = data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def describe_workers(data: Path) -> list[ChildSpec]:
    """One worker a queue, each importing its own queue's tasks only, and beat."""
    models = ("-Q", "models", "-I", "annotation.tasks.models", "-c", "1")
    # Threads: they mostly wait for servers, and share one limit of requests in flight.
    servers = ("-Q", "servers", "-I", "annotation.tasks.servers", "-P", "threads", "-c", "4")
    default = ("-Q", "default", "-I", "annotation.tasks.default,exports.tasks", "-c", "2")
    schedule = str(data / "beat-schedule")
    return [
        _describe_worker(data, "models", models, title="Worker for models"),
        _describe_worker(data, "servers", servers, title="Worker for servers"),
        _describe_worker(data, "default", default, title="Worker"),
        ChildSpec(
            name="beat",
            title="Clock",
            command=(*_CELERY, "beat", "--schedule", schedule, "--pidfile", "", "--loglevel", "INFO"),
            log=paths.logs_dir(data) / "beat.log",
            env=_environment(data),
            cwd=paths.BASE_DIR,
            orphan_signal=signal.SIGKILL,
        ),
    ]


def answers(address: Address) -> bool:
    """True if the web server answers its health check with 200."""
    connection = http.client.HTTPConnection(address.visible_host.strip("[]"), address.port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


_CELERY = (sys.executable, "-m", "celery", "-A", "config")
_YIELDING = 10
"""How much further back than the web server and PostgreSQL a worker stands for the processor (nice(2))."""


def _describe_worker(data: Path, name: str, options: tuple[str, ...], *, title: str) -> ChildSpec:
    common = ("--prefetch-multiplier", "1", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
    return ChildSpec(
        name=f"worker-{name}",
        title=title,
        command=(*_CELERY, "worker", "-n", f"{name}@%h", *options, *common),
        log=paths.logs_dir(data) / f"worker-{name}.log",
        env=_environment(data),
        cwd=paths.BASE_DIR,
        # Celery's cold shutdown: the task in hand goes back to the queue instead of holding up a Ctrl-C.
        stop_signal=signal.SIGQUIT,
        orphan_signal=signal.SIGKILL,  # Celery itself has its pool's processes die with it, task or no task
        patience_seconds=1.5,
        become=_yield_to_pages,
    )


def _yield_to_pages() -> None:
    os.nice(_YIELDING)


def _environment(data: Path) -> dict[str, str]:
    return {**os.environ, "GRADUS_DATA": str(data), "PYTHONUNBUFFERED": "1"}
