"""What the web processes count together for a few minutes: failed sign-ins, above all. In the broker's Redis, as JSON.

Without the broker nothing is counted, and people can still sign in: a rater's day does not hang on it.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

_SECONDS_TO_WAIT = 1.0


class JsonSerializer:
    """In place of Django's own, which unpickles what it finds."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, stored: bytes) -> Any:
        return json.loads(stored)


class CountsCache(RedisCache):
    """Django's cache in Redis, which answers as an empty one where Redis is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {
            **params.get("OPTIONS", {}),
            "serializer": JsonSerializer,
            "socket_connect_timeout": _SECONDS_TO_WAIT,
            "socket_timeout": _SECONDS_TO_WAIT,
        }
        super().__init__(server, {**params, "OPTIONS": options})

    def add(self, key: Any, value: Any, *args: Any, **options: Any) -> bool:
        try:
            return bool(super().add(key, value, *args, **options))
        except RedisError:
            return True  # a lock that nobody else can hold either

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError:
            return default

    def set(self, key: Any, value: Any, *args: Any, **options: Any) -> None:
        try:
            super().set(key, value, *args, **options)
        except RedisError:
            return

    def delete(self, key: Any, version: int | None = None) -> bool:
        try:
            return bool(super().delete(key, version))
        except RedisError:
            return False


def describe_cache(broker_url: str) -> dict[str, Any]:
    """Django's CACHES entry over a Celery broker; in each process's own memory where that is no Redis."""
    parts = urlsplit(broker_url)
    if parts.scheme == "redis+socket":
        location = f"unix://{parts.path}"
    elif parts.scheme in ("redis", "rediss"):
        location = broker_url
    else:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {"BACKEND": "config.cache.CountsCache", "LOCATION": location, "KEY_PREFIX": "gradus"}
