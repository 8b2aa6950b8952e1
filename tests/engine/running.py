"""A whole product that runs: `manage.py up` on a data folder, from outside."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from config import paths
from tests.engine.processes import is_alive, list_descendants, wait_for

START_SECONDS = 90.0


class Engine:
    """A running `manage.py up` and what it has said so far."""

    def __init__(self, data: Path, *, port: int = 0, environment: dict[str, str] | None = None) -> None:
        self.data = data
        data.parent.mkdir(parents=True, exist_ok=True)
        self.said = data.parent / f"said-{time.monotonic_ns()}.txt"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(port)],
                cwd=paths.BASE_DIR,
                env=environment_for(data, **(environment or {})),
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.said.read_text()

    def wait_for_url(self) -> str:
        """The URL it prints once it is up."""
        assert wait_for(lambda: "Open http" in self.text or self.has_ended(), seconds=START_SECONDS), (
            self.text
        )
        found = re.findall(r"^Open (\S+)$", self.text, flags=re.MULTILINE)
        assert found, self.text
        return str(found[-1])

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def interrupt(self) -> float:
        """Ctrl-C; how many seconds it took to end."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        return time.monotonic() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        below = list_descendants(self.process.pid)
        if not self.has_ended():
            self.interrupt()
        self.process.wait()
        for pid in filter(is_alive, below):
            os.kill(pid, signal.SIGKILL)


def environment_for(data: Path, **changes: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "CELERY_BROKER_URL"}
    }
    return {**kept, "DJANGO_SETTINGS_MODULE": "config.settings", "GRADUS_DATA": str(data), **changes}


def fetch_status(url: str, path: str = "/healthz") -> int:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
