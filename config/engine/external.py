"""Services that DATABASE_URL and CELERY_BROKER_URL name: checked before anything starts, never started by us."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from django.db import OperationalError as DatabaseRefusal
from django.db import connection
from kombu import Connection
from kombu.exceptions import OperationalError

from config.engine.errors import EngineError

_CONNECT_SECONDS = 5


def check_database(url: str) -> None:
    """EngineError in one sentence, without the password, unless that database takes our connection."""
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(_CONNECT_SECONDS))  # libpq would wait for minutes
    try:
        connection.ensure_connection()
    except DatabaseRefusal as error:
        reason = " ".join(str(error).split()).removeprefix("connection to server ")
        raise EngineError(
            f"The database {_without_secrets(url)} (DATABASE_URL) can't be used: {reason}"
        ) from None
    finally:
        connection.close()


def check_broker(url: str) -> None:
    """EngineError in one sentence, without the password, unless that broker takes our connection."""
    broker = Connection(url, connect_timeout=_CONNECT_SECONDS)
    try:
        broker.ensure_connection(max_retries=1, timeout=_CONNECT_SECONDS)
    except (OSError, OperationalError) as error:
        raise EngineError(
            f"The broker {_without_secrets(url)} (CELERY_BROKER_URL) can't be reached: {str(error).rstrip('.')}."
        ) from None
    finally:
        broker.release()


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"
