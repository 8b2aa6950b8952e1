"""The whole product as a person starts it: `manage.py up` on a data folder of its own, and what its database holds."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from config import paths
from config.paths import BASE_DIR

_START_SECONDS = 120


class Product:
    """Starts, kills and stops the supervisor with everything below it. `url` is what it said to open."""

    def __init__(self, data: Path, models: Path) -> None:
        self.data = data
        self.models = models
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Of the product itself, not of the tests that start it."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_ALLOW_ASYNC_UNSAFE"}
        }
        return kept | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "GRADUS_DATA": str(self.data),
            "GRADUS_MODELS": str(self.models),
            "GRADUS_JOB_STALL_SECONDS": "6",
            "HF_HUB_OFFLINE": "1",
        }

    def start(self) -> str:
        """Returns the address to open. Its own process group, so that the whole of it can be killed at once."""
        log = self.data.parent / "up.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", "0"],
                cwd=BASE_DIR,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(r"^Open (http\S+)", log.read_text(), re.MULTILINE):
                self.url = re.match(r"http://[^/]+", found[1])[0]  # type: ignore[index]
                return found[1]
            time.sleep(0.1)
        raise AssertionError(f"The product did not start:\n{log.read_text()}")

    def kill(self) -> None:
        """SIGKILL to the whole process group, as a crash or a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the product's database holds, read from beside it."""
        settings = paths.embedded_database_settings(self.data)
        with (
            contextlib.closing(
                psycopg2.connect(
                    host=settings["HOST"],
                    port=settings["PORT"],
                    user=settings["USER"],
                    dbname=settings["NAME"],
                )
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def wait_for(self, sql: str, *values: Any, seconds: float) -> None:
        """Until the query's first value is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg2.OperationalError):
                if self.query(sql, *values)[0][0]:
                    return
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {sql}")


@contextlib.contextmanager
def running_product(data: Path, models: Path) -> Iterator[Product]:
    product = Product(data, models)
    try:
        yield product
    finally:
        product.stop()
