"""gunicorn's settings beside its command line (`--config python:config.web_server`): its own lines in the product's
form, and one folder in which all its processes count requests."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from gunicorn.glogging import Logger
from pythonjsonlogger.json import JsonFormatter

from config.logs import JSON_FIELDS, JSON_NAMES, AddIds, HideSecrets

_COUNTS = "PROMETHEUS_MULTIPROC_DIR"


class WebLogger(Logger):  # type: ignore[misc]
    """gunicorn's lines as JSON where GRADUS_LOG_FORMAT asks for it. It logs no requests: addresses can be secrets."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.addFilter(HideSecrets())  # it names the address of a request that broke
        if os.environ.get("GRADUS_LOG_FORMAT") != "json":
            return
        for handler in self.error_log.handlers:
            handler.addFilter(AddIds())
            handler.setFormatter(JsonFormatter(JSON_FIELDS, style="{", rename_fields=JSON_NAMES))


logger_class = WebLogger


def on_starting(server: Any) -> None:
    """Before the processes that serve are forked. A folder that somebody named is theirs to empty."""
    if not os.environ.get(_COUNTS):
        server.own_counts = os.environ[_COUNTS] = tempfile.mkdtemp(prefix="gradus-metrics-")


def on_exit(server: Any) -> None:
    if own := getattr(server, "own_counts", None):
        shutil.rmtree(own, ignore_errors=True)
